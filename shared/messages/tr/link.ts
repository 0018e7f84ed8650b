// Tek kullanımlık bağlantının sayfası.

import type { LinkMessages, PassLinkMessages } from '../link.ts';

export const link = {
  tab: 'Yeni parolanız',
  language: 'Dil',
  wait: 'Bir saniye…',
  tryAgain: 'Yeniden dene',
  start: {
    title: 'Yeni parolanızı alın',
    body: 'Parola bir kez, bu cihazda ve on dakika boyunca gösterilir. Ekranınızı başka kimsenin görmediğinden emin olun.',
    show: 'Parolayı göster',
  },
  pin: {
    title: 'PIN’inizi girin',
    body: 'PIN’i yöneticiniz size telefonla söyler; e-postada yazmaz. Ardından parola bir kez, on dakika boyunca gösterilir: ekranınızı başka kimsenin görmediğinden emin olun.',
    label: 'PIN',
    hint: 'Sekiz rakam',
    invalid: 'PIN sekiz rakamdan oluşur.',
    wrong: (left) => `PIN doğru değil. ${left} deneme hakkınız kaldı.`,
    unknown: 'Bu bağlantı için PIN gerekiyor.',
  },
  code: {
    title: 'E-postadaki kodu girin',
    body: 'E-posta programınız bağlantıyı kısaltmış. E-postada, düğmenin altında 14 grupluk bir kod var: onu buraya yazın veya yapıştırın.',
    label: 'Kod',
    count: (typed, all) => `${typed} / ${all} karakter`,
    next: 'Devam',
    incomplete: (typed, all) => `Kod ${all} karakterdir; burada ${typed} karakter var.`,
    mistyped: 'Kodun bir yerinde yanlışlık var. E-postadakiyle karşılaştırın.',
  },
  password: {
    title: 'Yeni parolanız',
    forWhom: (name) => `${name} için`,
    userName: 'Kullanıcı adı',
    password: 'Parola',
    copyUserName: 'Kullanıcı adını kopyala',
    copyPassword: 'Parolayı kopyala',
    copied: 'Kopyalandı',
    copyByHand: 'Tarayıcı buna izin vermedi. Parola seçildi: elle kopyalayın.',
    legend: { letter: 'harf', digit: 'rakam', symbol: 'simge' },
    spell: 'Harf harf göster',
    steps: 'Şimdi ne yapmalısınız?',
    stepCopy: 'Parolayı kopyalayın.',
    stepSignIn: 'Kullanıcı adınız ve bu parolayla oturum açın.',
    stepChange: 'İstendiğinde kendinize yeni bir parola belirleyin. Bu parola yalnızca geçicidir.',
    signIn: 'Oturum açmaya git',
    newTab: 'yeni sekmede açılır',
    done: 'Oturum açtım',
    hiddenAt: (time) => `Parola bu sayfada şu saatte gizlenir: ${time}`,
    lastMinute: 'Parola bir dakika sonra gizlenecek.',
  },
  truths: {
    notReady: { title: 'Az kaldı', body: 'Yeni parolanız hazırlanıyor. Bu sayfa kendiliğinden yeniden bakar.' },
    nothingChanged: {
      title: 'Hiçbir şey değişmedi',
      body: 'Bu sıfırlama, bir şey değişmeden durduruldu. Eski parolanız hâlâ geçerli.',
    },
    expired: { title: 'Bu bağlantının süresi doldu', body: 'Zamanında açılmadığı için parolası artık geçerli değil.' },
    restored: {
      title: 'Bu bağlantı artık geçerli değil',
      body: 'Hizmetin geri yüklenmesi gerekti ve süren tüm sıfırlamalar sona erdirildi. Yenisini isteyin.',
    },
    recalled: {
      title: 'Bu bağlantı geri çekildi',
      body: 'Yöneticiniz bağlantıyı geçersiz kıldı. Artık parola göstermez.',
    },
    superseded: {
      title: 'Daha yeni bir e-posta var',
      body: 'Bundan sonra size başka bir bağlantı gönderildi. En yeni e-postayı açın; yalnızca onun bağlantısı çalışır.',
    },
    pinLocked: {
      title: 'Bu bağlantı kilitlendi',
      body: 'PIN beş kez yanlış girildi. Yöneticinize haber verildi.',
    },
    finished: {
      title: 'Bu bağlantı kullanıldı',
      body: 'Bağlantı parolasını zaten gösterdi; parola artık burada tutulmuyor.',
    },
  },
  notReadyForLong:
    'Her zamankinden uzun sürüyor. Bu sayfayı açık bırakabilir veya sonra yeniden gelebilirsiniz; bağlantı geçerli kalır.',
  openedElsewhere: {
    title: 'Bağlantı daha önce açıldı',
    body: (at) =>
      `Bu bağlantı başka bir cihazda veya tarayıcıda açıldı (${at}). Parolayı yalnızca orada gösterir. Açan siz değilseniz buradan bildirin: yöneticinize hemen haber verilir.`,
    notMe: 'Açan ben değildim',
    alarmed: {
      title: 'Yöneticinize haber verildi',
      body: 'Bu bağlantıdan gelen bir parolayı kullanmayın. Yöneticiniz size ulaşacak veya yeni bir bağlantı gönderecek.',
    },
  },
  done: { title: 'Tamamlandı', body: 'Parola bu sayfadan silindi. Sayfayı kapatabilirsiniz.' },
  leaseOver: {
    title: 'On dakika doldu',
    body: 'Parola artık gösterilmiyor. Oturum açtıysanız her şey yolunda, sayfayı kapatabilirsiniz. Açamadıysanız yeni bir bağlantı isteyin.',
  },
  refused: {
    title: 'Bu bağlantı açılamıyor',
    body: 'Eksik kopyalanmış olabilir veya artık geçerli değildir. Bağlantıyı e-postadan yeniden açın ya da e-postadaki düğmenin altında yazan kodu girin.',
    enterCode: 'Kodu gir',
  },
  trouble: {
    unreachable: {
      title: 'Bağlantı yok',
      body: 'Sunucuya ulaşılamadı. Hiçbir şey kaybolmadı: bağlantınızı denetleyip yeniden deneyin.',
    },
    busy: { title: 'Şu anda meşgul', body: 'Sunucu meşgul. Hiçbir şey kaybolmadı: biraz sonra yeniden deneyin.' },
    fault: { title: 'Olmadı', body: 'Sunucu tarafında bir sorun oluştu. Hiçbir şey kaybolmadı: yeniden deneyin.' },
  },
  ask: (organisation, support) =>
    `Sorularınız için ${organisation ? `${organisation} ` : ''}BT birimine başvurun${support ? `: ${support}` : '.'}`,
  spoken: {
    small: (letter) => `küçük ${letter}${letter === 'i' ? ' (noktalı)' : ''}`,
    capital: (letter) => `büyük ${letter}${letter === 'I' ? ' (noktasız)' : ''}`,
    digit: (digit) => `rakam ${digit}`,
    symbols: {
      ' ': 'boşluk',
      '!': 'ünlem işareti',
      '"': 'çift tırnak',
      '#': 'kare işareti',
      $: 'dolar işareti',
      '%': 'yüzde işareti',
      '&': 've işareti',
      "'": 'kesme işareti',
      '(': 'aç parantez',
      ')': 'kapat parantez',
      '*': 'yıldız',
      '+': 'artı',
      ',': 'virgül',
      '-': 'kısa çizgi',
      '.': 'nokta',
      '/': 'eğik çizgi',
      ':': 'iki nokta',
      ';': 'noktalı virgül',
      '<': 'küçüktür işareti',
      '=': 'eşittir işareti',
      '>': 'büyüktür işareti',
      '?': 'soru işareti',
      '@': 'et işareti',
      '[': 'aç köşeli parantez',
      '\\': 'ters eğik çizgi',
      ']': 'kapat köşeli parantez',
      '^': 'şapka işareti',
      _: 'alt çizgi',
      '`': 'ters kesme işareti',
      '{': 'aç süslü parantez',
      '|': 'dikey çizgi',
      '}': 'kapat süslü parantez',
      '~': 'yaklaşık işareti',
    },
  },
} satisfies LinkMessages;

/** Bağlantı parola değil, Geçici Erişim Geçişi gösterdiğinde. Kısaca: geçiş kodu. */
export const passLink = {
  tab: 'Geçici Erişim Geçişiniz',
  start: {
    title: 'Geçici Erişim Geçişinizi alın',
    body: 'Geçiş kodu, parolanız olmadan bir kez oturum açmanızı sağlar. Bir kez, bu cihazda ve on dakika boyunca gösterilir. Ekranınızı başka kimsenin görmediğinden emin olun.',
    show: 'Geçiş kodunu göster',
  },
  pin: {
    body: 'PIN’i yöneticiniz size telefonla söyler; e-postada yazmaz. Ardından geçiş kodu bir kez, on dakika boyunca gösterilir: ekranınızı başka kimsenin görmediğinden emin olun.',
  },
  password: {
    title: 'Geçici Erişim Geçişiniz',
    password: 'Geçici Erişim Geçişi',
    copyPassword: 'Geçiş kodunu kopyala',
    copyByHand: 'Tarayıcı buna izin vermedi. Geçiş kodu seçildi: elle kopyalayın.',
    stepCopy: 'Geçiş kodunu kopyalayın.',
    stepSignIn:
      'Oturum açma sayfasında kullanıcı adınızı girin; geçiş kodunu istendiği yere ya da parolanın yerine yapıştırın.',
    stepChange: 'Geçiş kodu yalnızca bir kez kullanılabilir: ardından istenenleri ayarlayın, örneğin yeni bir parola.',
    hiddenAt: (time) => `Geçiş kodu bu sayfada şu saatte gizlenir: ${time}`,
    lastMinute: 'Geçiş kodu bir dakika sonra gizlenecek.',
  },
  truths: {
    notReady: { title: 'Az kaldı', body: 'Geçiş kodunuz hazırlanıyor. Bu sayfa kendiliğinden yeniden bakar.' },
    expired: {
      title: 'Bu bağlantının süresi doldu',
      body: 'Zamanında açılmadığı için geçiş kodu artık geçerli değil.',
    },
    recalled: {
      title: 'Bu bağlantı geri çekildi',
      body: 'Yöneticiniz bağlantıyı geçersiz kıldı. Artık geçiş kodu göstermez.',
    },
    finished: {
      title: 'Bu bağlantı kullanıldı',
      body: 'Bağlantı geçiş kodunu zaten gösterdi; kod artık burada tutulmuyor.',
    },
  },
  openedElsewhere: {
    body: (at) =>
      `Bu bağlantı başka bir cihazda veya tarayıcıda açıldı (${at}). Geçiş kodunu yalnızca orada gösterir. Açan siz değilseniz buradan bildirin: yöneticinize hemen haber verilir.`,
    alarmed: {
      title: 'Yöneticinize haber verildi',
      body: 'Bu bağlantıdan gelen bir geçiş kodunu kullanmayın. Yöneticiniz size ulaşacak veya yeni bir bağlantı gönderecek.',
    },
  },
  done: { title: 'Tamamlandı', body: 'Geçiş kodu bu sayfadan silindi. Sayfayı kapatabilirsiniz.' },
  leaseOver: {
    title: 'On dakika doldu',
    body: 'Geçiş kodu artık gösterilmiyor. Oturum açtıysanız her şey yolunda, sayfayı kapatabilirsiniz. Açamadıysanız yeni bir bağlantı isteyin.',
  },
} satisfies PassLinkMessages;
