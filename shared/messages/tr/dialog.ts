// İletişim kutusunun metinleri, Türkçe. `who` görünen addır; ek almadan kullanılır.

import type { dialog as en } from '../en/dialog.ts';

export const dialog = {
  title: 'Reset & Resend',
  close: 'Kapat',
  tryAgain: 'Yeniden dene',
  copy: 'Kopyala',
  copied: 'Kopyalandı',
  loading: 'Bir saniye …',

  header: {
    signedInAs: (who: string) => `Oturum açan: ${who}`,
    at: (organisation: string) => `Kuruluş: ${organisation}`,
    active: 'Oturum açabilir',
    blocked: 'Oturum açması engelli',
    person: 'Parolası sıfırlanan kişi',
  },

  setUp: {
    title: 'İlk sıfırlamadan önce tek bir adım',
    text: 'Reset & Resend, kuruluşunuzun bağlayıcısını henüz tanımıyor. Adresini BT biriminizden öğrenebilirsiniz.',
    button: 'Ayarları aç',
  },

  signIn: {
    title: (organisation: string) => `${organisation} için oturum açın`,
    text: 'Yönetici hesabınızı kullanın. Kimin parolasını sıfırlayabileceğiniz rolünüze bağlıdır.',
    button: 'Oturum aç',
    quiet: 'Oturumunuz aranıyor …',
    open: 'Oturum açma sayfası ayrı bir pencerede açık.',
    ended: 'Oturumunuz sona erdi.',
    endedText: 'Sıfırlamanın nasıl ilerlediğini görmek için yeniden oturum açın.',
    closed: 'Oturum açma penceresi, oturum açılmadan kapatıldı.',
    failed: (why: string) => `Oturum açılamadı (${why}).`,
    other: 'Başka bir hesap kullan',
  },

  finding: 'Kişi aranıyor …',

  picking: {
    nameOnly: 'Kimi kastediyorsunuz?',
    nameOnlyText: (who: string) =>
      `Sayfada yalnızca “${who}” adı görünüyor. Aynı adı taşıyanlar olabilir: kişiyi kullanıcı adına bakarak seçin.`,
    notFound: 'Adresle bulunamadı',
    notFoundText: (address: string) =>
      `Bağlayıcı ${address} kullanıcı adını tanımıyor. Kişiyi listeden seçin ya da arayın.`,
    byHand: 'Kimin parolası?',
    byHandText: 'Adın veya kullanıcı adının başlangıcıyla arayın.',
    search: 'Ad veya kullanıcı adı',
    button: 'Ara',
    results: (count: number) => `${count} kişi`,
    none: (text: string) => `“${text}” için kimse bulunamadı.`,
    blocked: 'Oturum açması engelli',
  },

  elsewhere: {
    title: 'Bu satır başka bir kuruluşa ait',
    text: (domain: string, organisation: string) =>
      `Bu satırın etki alanı ${domain}, siz ise ${organisation} kuruluşunda oturum açtınız. Bu yüzden buradan bir şey gönderilemez.`,
    looking: (domain: string) => `${domain} etki alanından kimin sorumlu olduğu soruluyor …`,
    button: (organisation: string) => `${organisation} için oturum aç`,
    none: (domain: string) =>
      `Bağlayıcı ${domain} etki alanına hizmet vermiyor. Bu kuruluşun eklenmesini bağlayıcıyı işletenlerden isteyin.`,
  },

  refused: {
    title: (who: string) => `${who} için burada sıfırlama yapılamaz`,
    nothing: 'Hiçbir şey değiştirilmedi ve hiçbir şey gönderilmedi.',
  },

  trouble: {
    title: 'Olmadı',
    unreachable: 'Bağlayıcı yanıt vermiyor. Ağ bağlantısını denetleyip yeniden deneyin.',
    notConnector: 'Bir yanıt geldi, ama bu sürümde bir bağlayıcıdan değil. Ayarlardaki adresi denetleyin.',
    unsure: {
      grant: 'Yanıt gelmedi; sıfırlamanın sürüp sürmediği bilinmiyor. Yeniden deneyin: bir zararı olmaz.',
      kill: 'Yanıt gelmedi; durdurmanın etkili olup olmadığı bilinmiyor. Yeniden deneyin: iki kez durdurmanın zararı olmaz.',
      cancel:
        'Yanıt gelmedi; sıfırlamanın iptal edilip edilmediği bilinmiyor. Yeniden deneyin: iki kez iptal etmenin zararı olmaz.',
    },
    settings: 'Ayarları aç',
  },

  form: {
    password: 'Parola',
    generate: 'Parolayı otomatik oluştur',
    generateHint: 'Alıcıdan başka kimse görmez, siz de görmezsiniz.',
    create: 'Kendim belirleyeceğim',
    createHint: 'Siz yazarsınız; sonra alıcıdan başka kimse görmez.',
    createNotAllowed: 'Kuruluşunuz yalnızca otomatik oluşturulan parolalara izin veriyor.',
    pass: 'Geçici Erişim Geçişi',
    passHint: 'Parola olmadan bir kez oturum açtırır; eski parola kalır.',
    newPassword: 'Yeni parola',
    reveal: 'Göster',
    hide: 'Gizle',
    revealLabel: 'Parolayı göster',
    hideLabel: 'Parolayı gizle',
    strength: ['Çok zayıf', 'Zayıf', 'Orta', 'İyi', 'Güçlü'],
    strengthLabel: 'Güç',
    rules: {
      passwordTooShort: (minimum: number) => `En az ${minimum} karakter`,
      passwordTooLong: (maximum: number) => `En fazla ${maximum} karakter`,
      passwordCharacters: 'A–Z harfleri, rakamlar, yaygın simgeler',
      passwordClasses: (classes: number) =>
        classes >= 4
          ? 'Küçük harf, büyük harf, rakam ve simge'
          : `Küçük harf, büyük harf, rakam, simge: en az ${classes} tür`,
      passwordContainsName: 'Kişinin adı veya kullanıcı adı geçmiyor',
      passwordCommon: 'Yaygın bir sözcük veya kalıp değil',
    },
    ruleMet: 'karşılandı',
    ruleUnmet: 'henüz karşılanmadı',
    forceChange: 'Sonraki oturum açışta yeni parola belirlenmesi gereksin',

    recipient: 'Bağlantının gideceği adres',
    onFile: 'Kayıtlı adres',
    other: 'Başka bir adres',
    otherHint: 'Kişinin şu anda açabildiği özel bir adres',
    address: 'E-posta adresi',
    remember: 'Bu adresi kayıtlı adreslere ekle',
    rememberHint: 'Ancak kişi bağlantıyı orada açtıktan ve parola işe yaradıktan sonra.',
    laterAdmin: 'Kullanılmayan bir parolanın sonlandırılması gibi sonraki işlemler sizin adınıza yapılır.',
    laterAdminPass: 'Geçiş kodunun oluşturulması ve kaldırılması gibi sonraki işlemler sizin adınıza yapılır.',
    laterNonePass:
      'Siz olmadan sonradan hiçbir şey yapılamaz: kullanılmayan geçiş kodu kendiliğinden sona erer, ama daha önce kaldırılamaz. BT birimi bunu değiştirebilir.',
    laterApp: 'Kullanılmayan bir parolanın sonlandırılması gibi sonraki işlemler bağlayıcının kendi adına yapılır.',
    laterNone:
      'Siz olmadan sonradan hiçbir şey yapılamaz: kullanılmayan bir parola kendiliğinden sona ermez. BT birimi bunu değiştirebilir.',
    none: 'Bu kişi için kayıtlı özel bir adres yok.',
    noneAndNoTyping: 'Kayıtlı özel adres yok; kuruluşunuz başka bir adrese de izin vermiyor.',
    chooseRecipient: 'Bağlantının gideceği adresi seçin.',

    pin: 'Bağlantıyı bir PIN ile koru',
    pinHint: 'Telefonda sekiz rakam okursunuz. Bunlar olmadan bağlantı hiçbir şey açmaz.',
    pinFixed: 'Kuruluşunuz bu alıcı için PIN istiyor.',

    locale: 'E-postanın dili',

    send: 'Sıfırla ve gönder',
    sendPass: 'Geçiş kodu oluştur ve gönder',
    sending: 'Gönderiliyor …',
    cancel: 'Vazgeç',
    promise: 'Bir posta sunucusu e-postayı kabul edene kadar eski parola geçerlidir.',
    promisePass: 'Geçiş kodu, bir posta sunucusu e-postayı kabul edince oluşturulur.',
    replaces: (who: string) => `Bu, ${who} için süren sıfırlamanın yerini alır. Önceki bağlantı geçersiz olur.`,
    keep: 'Süren sıfırlamayı koru',
    unsure: 'Yanıt gelmedi; sıfırlamanın başlayıp başlamadığı bilinmiyor. Yeniden sorun: iki kez başlayamaz.',
    askAgain: 'Yeniden sor',
    last: (standing: string, when: string) => `Son sıfırlama ${when}: ${standing}`,
    showLast: 'Göster',
  },

  address: {
    empty: 'Adresi yazın.',
    control: 'Adreste satır sonu veya görünmeyen başka bir karakter var.',
    noAt: 'Adreste @ olmalı.',
    localPart: '@ işaretinden önceki bölüm geçerli değil.',
    international: '@ işaretinden önce A–Z dışındaki harfler her yere ulaştırılamaz. Başka bir adres kullanın.',
    noDomain: '@ işaretinden sonra nokta olmalı; örneğin mail.example.',
    domain: '@ işaretinden sonraki bölüm bir etki alanı değil.',
    tooLong: 'Adres çok uzun.',
    ownMailbox: 'Bu, parolası sıfırlanan hesabın kendi posta kutusu. Kişi onu açamaz.',
  },

  suspicion: {
    typo: (meant: string) => `${meant} mi demek istediniz?`,
    lookAlike: (meant: string) => `Bu yalnızca ${meant} gibi görünüyor. Kişiden adresi hecelemesini isteyin.`,
    lookAlikeUnknown: 'Bu etki alanında birbirine benzeyen alfabeler karışmış. Kişiden adresi hecelemesini isteyin.',
    disposable: 'Bu, başkalarının da okuyabileceği geçici bir posta kutusu.',
    ownDomain: 'Bu posta kutusu kuruluşunuza ait. Kişi onu parolası olmadan açabiliyor mu?',
  },

  pin: {
    title: 'PIN',
    read: (who: string) => `${who} adlı kişiye telefonda okuyun. Yalnızca burada ve yalnızca şimdi gösterilir.`,
    hide: 'Okudum',
    gone: 'Bağlantı, telefonda verilen PIN’i sorar. Kaybolduysa yeniden gönderin: yeni bağlantı yeni bir PIN alır.',
  },

  standing: {
    sending: { title: 'E-posta teslim ediliyor …', text: () => 'Eski parola hâlâ geçerli.' },
    retrying: {
      title: 'E-posta henüz yola çıkmadı; yeniden deneniyor',
      text: () => 'Hiçbir şey kaybolmadı; eski parola hâlâ geçerli.',
    },
    changing: { title: 'Parola değiştiriliyor …', text: () => 'Bir posta sunucusu e-postayı kabul etti.' },
    changeDelayed: {
      title: 'Dizin yeniden denenmesini istiyor',
      text: () => 'E-posta yola çıktı; bağlantısı, parola değişince açılır.',
    },
    waiting: {
      title: 'Bağlantının açılması bekleniyor',
      text: (who: string) => `${who} adlı kişiye neye bakması gerektiğini söyleyin.`,
    },
    opened: {
      title: 'Bağlantı açıldı',
      text: (who: string) => `${who} artık oturum açıp yeni bir parola belirleyebilir.`,
    },
    replacing: {
      title: 'Daha yeni bir sıfırlama yerini alıyor',
      text: () => 'Yeni e-posta kabul edilene kadar bu bağlantı geçerlidir.',
    },
    mailFailed: {
      title: 'E-posta reddedildi',
      text: () => 'Posta sunucusu bu adrese e-posta almıyor. Eski parola hâlâ geçerli. Başka bir adrese gönderin.',
    },
    mailMisconfigured: {
      title: 'Bağlayıcı e-posta gönderemiyor',
      text: () =>
        'Posta ayarlarına sistem yöneticisinin bakması gerekiyor. Denemeler sürüyor; eski parola hâlâ geçerli.',
    },
    bounced: {
      title: 'E-posta geri döndü',
      text: () => 'Önce kabul edildi, sonra geri gönderildi. Başka bir adrese gönderin.',
    },
    signInAgain: {
      title: 'Oturum açılması gerekiyor',
      text: () => 'Dizin önceki oturumu artık kabul etmiyor. Yeniden oturum açın; sıfırlama devam eder.',
    },
    directoryFailed: {
      title: 'Dizin yanıt vermiyor',
      text: () => 'Bağlayıcı denemeyi sürdürüyor. Böyle kalırsa sistem yöneticisine haber verin.',
    },
    pinLocked: {
      title: 'Beş yanlış PIN: bağlantı kilitlendi',
      text: () => 'Deneyen kişinin kendisi mi, sorun. Sonra yeniden gönderin: yeni bağlantı yeni bir PIN alır.',
    },
    likelyScanner: {
      title: 'Açıldı, ama belki de kişi tarafından değil',
      text: () =>
        'Kimse başardığını bildirmedi: bir posta tarayıcısı olabilir. Kişiye sorun ve bir PIN ile yeniden gönderin.',
    },
    alarm: {
      title: 'Kişi, açanın kendisi olmadığını söylüyor',
      text: () => 'Bağlantıyı başka biri açtı. Bu sıfırlamayı hemen durdurun, sonra yenisini başlatın.',
    },
    overdue: {
      title: 'Gereğinden uzun sürüyor',
      text: () =>
        'Posta sunucusu e-postayı erteleyip duruyor. Eski parola hâlâ geçerli. Başka bir adrese gönderebilirsiniz.',
    },
    signedIn: {
      title: 'Kişi başardığını bildirdi',
      text: () => 'Henüz görülmedi: oturum açarken belirlenen yeni parola.',
    },
    changed: {
      title: 'Tamamlandı',
      text: (who: string) => `${who}, yalnızca kendisinin bildiği geçerli bir parolaya sahip.`,
    },
    changedSince: {
      title: 'Parola o zamandan beri değişti',
      text: (who: string) =>
        `Dizin kimin değiştirdiğini kaydetmiyor. ${who} adlı kişiye kendisinin mi değiştirdiğini sorun.`,
    },
    rejected: { title: 'Değişiklikten önce durduruldu', text: () => 'Hiçbir şey değişmedi. Bağlantı geçersiz.' },
    cancelled: {
      title: 'İptal edildi',
      text: () => 'Hiçbir şey değişmedi; eski parola geçerli. Bağlantı geçersiz.',
    },
    refused: { title: 'Dizin değişikliği reddetti', text: () => 'Eski parola geçerli. Bağlantı geçersiz.' },
    expiredUnchanged: {
      title: 'Hiçbir şey değişmeden süresi doldu',
      text: () => 'Hiçbir şey değişmedi; eski parola geçerli.',
    },
    restored: {
      title: 'Sona erdi: bağlayıcı bir yedekten geri yüklendi',
      text: () =>
        'Bağlantı geçersiz. Yedekten sonra açılıp açılmadığı bilinmiyor: kişiye sorun, gerekirse yeniden gönderin.',
    },
    expiring: {
      title: 'Süresi doldu',
      text: () => 'Bağlantı geçersiz. Geçici parolanın yerine kimsenin bilmediği bir parola konuyor.',
    },
    scrambled: {
      title: 'Süresi doldu, parola geçersiz kılındı',
      text: () => 'Geçici parola zamanında kullanılmadı; yerine kimsenin bilmediği bir parola kondu.',
    },
    killing: {
      title: 'Durduruldu: bağlantı geçersiz',
      text: () => 'Parola bu arada değiştirildiyse yerine kimsenin bilmediği bir parola konuyor.',
    },
    killedUnchanged: {
      title: 'Durduruldu: bağlantı geçersiz',
      text: () => 'Hiçbir şey değişmedi; eski parola geçerli.',
    },
    killed: {
      title: 'Durduruldu: bağlantı ve parola geçersiz',
      text: () => 'Bu parolayla kimse oturum açamaz. Kişi için yeni bir sıfırlama gerekiyor.',
    },
    superseded: {
      title: 'Yerini daha yeni bir sıfırlama aldı',
      text: () => 'Bu bağlantı geçersiz. Yenisi geçerlidir.',
    },
    passUsed: { title: 'Tamamlandı', text: (who: string) => `${who} geçiş koduyla oturum açtı.` },
    passEnded: {
      title: 'Kişi başardığını bildirdi',
      text: (who: string) => `Geçiş kodunun süresi doldu; ${who} tarafından kullanıldığı görülmedi.`,
    },
  },

  passStanding: {
    sending: { title: 'E-posta teslim ediliyor …', text: () => 'Geçiş kodu henüz oluşturulmadı.' },
    retrying: {
      title: 'E-posta henüz yola çıkmadı; yeniden deneniyor',
      text: () => 'Hiçbir şey kaybolmadı. Geçiş kodu henüz oluşturulmadı.',
    },
    changing: { title: 'Geçiş kodu oluşturuluyor …', text: () => 'Bir posta sunucusu e-postayı kabul etti.' },
    changeDelayed: {
      title: 'Dizin yeniden denenmesini istiyor',
      text: () => 'E-posta yola çıktı; bağlantısı, geçiş kodu oluşturulunca açılır.',
    },
    opened: {
      title: 'Bağlantı açıldı',
      text: (who: string) => `${who} artık geçiş koduyla bir kez oturum açabilir.`,
    },
    mailFailed: {
      title: 'E-posta reddedildi',
      text: () => 'Posta sunucusu bu adrese e-posta almıyor. Geçiş kodu oluşturulmadı. Başka bir adrese gönderin.',
    },
    mailMisconfigured: {
      title: 'Bağlayıcı e-posta gönderemiyor',
      text: () =>
        'Posta ayarlarına sistem yöneticisinin bakması gerekiyor. Denemeler sürüyor; geçiş kodu henüz oluşturulmadı.',
    },
    overdue: {
      title: 'Gereğinden uzun sürüyor',
      text: () => 'Denemeler sürüyor. Başka bir adrese gönderebilirsiniz.',
    },
    signedIn: {
      title: 'Kişi başardığını bildirdi',
      text: () => 'Henüz görülmedi: geçiş koduyla oturum açılması.',
    },
    rejected: {
      title: 'Geçiş kodu oluşturulmadan durduruldu',
      text: () => 'Hiçbir şey değişmedi. Bağlantı geçersiz.',
    },
    cancelled: { title: 'İptal edildi', text: () => 'Geçiş kodu oluşturulmadı. Bağlantı geçersiz.' },
    refused: {
      title: 'Dizin geçiş kodu oluşturmadı',
      text: () => 'Parola olduğu gibi kaldı. Bağlantı geçersiz.',
    },
    expiredUnchanged: { title: 'Geçiş kodu oluşturulmadan süresi doldu', text: () => 'Parola değişmedi.' },
    expiring: { title: 'Süresi doldu', text: () => 'Bağlantı geçersiz. Geçiş kodu kaldırılıyor.' },
    scrambled: {
      title: 'Süresi doldu, geçiş kodu kaldırıldı',
      text: () => 'Geçiş kodu zamanında kullanılmadı. Parola olduğu gibi kaldı.',
    },
    killing: {
      title: 'Durduruldu: bağlantı geçersiz',
      text: () => 'Geçiş kodu bu arada oluşturulduysa kaldırılıyor.',
    },
    killedUnchanged: { title: 'Durduruldu: bağlantı geçersiz', text: () => 'Geçiş kodu oluşturulmadı.' },
    killed: {
      title: 'Durduruldu: bağlantı geçersiz, geçiş kodu kaldırıldı',
      text: () =>
        'Bu kodla kimse oturum açamaz. Yalnızca onunla oturum açıldıktan sonra belirlenen bir parola geçersiz kılınır.',
    },
  },

  ladder: {
    title: 'Teslim durumu',
    accepted: 'Bir posta sunucusu kabul etti',
    passwordSet: 'Parola değiştirildi',
    opened: 'Bağlantı açıldı',
    passCreated: 'Geçiş kodu oluşturuldu',
    passUsed: 'Geçiş koduyla oturum açıldı',
    changed: 'Kişi yeni parolasını belirledi',
    changedSince: 'Parola sonradan değişti; kimin değiştirdiği kayıtlı değil',
    done: 'tamam',
    active: 'sürüyor',
    awaited: 'bekleniyor',
    trouble: 'ilgilenmek gerekiyor',
    waiting: 'henüz değil',
    never: 'gerçekleşmeyecek',
    to: (address: string) => `Kime: ${address}`,
    nextAttempt: (when: string) => `Sonraki deneme ${when}`,
    openBy: (when: string) => `Bağlantı şu ana kadar açılabilir: ${when}.`,
    changeBy: (when: string) => `Yeni parola için son an: ${when}.`,
    useBy: (when: string) => `Geçiş kodu şu ana kadar kullanılabilir: ${when}.`,
    lost: 'Bağlayıcıyla bağlantı yok. Burada görünenler güncel olmayabilir; bağlayıcı yanıt verir vermez güncellenir.',
    unreached: 'Posta sunucusuna ulaşılamadı.',
    startedBy: (who: string, when: string) => `Başlatan: ${who}, ${when}`,
    details: 'Tüm olaylar',
  },

  event: {
    requested: 'İstendi',
    prepared: 'Hazırlandı',
    deferred: 'Ertelendi',
    mailRefused: 'E-posta reddedildi',
    accepted: 'E-posta kabul edildi',
    passwordSet: 'Parola değiştirildi',
    armed: 'Bağlantı etkinleşti',
    opened: 'Bağlantı açıldı',
    leaseEnded: 'Bağlantı kapandı, bildirim gelmedi',
    done: 'Kişi başardığını bildirdi',
    changed: 'Parola sonradan değişti',
    passCreated: 'Geçici Erişim Geçişi oluşturuldu',
    passUsed: 'Geçiş koduyla oturum açıldı',
    passEnded: 'Geçiş kodunun süresi doldu',
    passRemoved: 'Geçiş kodu kaldırıldı',
    remembered: 'Adres kayıtlara eklendi',
    notRemembered: 'Adres kayıtlara eklenemedi',
    bounced: 'E-posta geri döndü',
    reminded: 'Hatırlatıldı',
    pinFailed: 'Yanlış PIN',
    pinLocked: 'Yanlış PIN’ler yüzünden kilitlendi',
    alarm: 'Alıcı alarm verdi',
    rejected: 'Değişiklikten önce durduruldu',
    cancelled: 'İptal edildi',
    refused: 'Dizin reddetti',
    expired: 'Süresi doldu',
    recalled: 'Bir yönetici durdurdu',
    scrambled: 'Parola geçersiz kılındı',
    superseded: 'Yerini daha yeni bir sıfırlama aldı',
    reinstated: 'Yeniden geçerli: yeni sıfırlama erken bitti',
    signedInAgain: 'Bir yönetici yeniden oturum açtı',
    restored: 'Sona erdi: yedekten geri yüklendi',
  },

  tell: {
    title: (who: string) => `${who} adlı kişiye ne söylemeli`,
    to: 'Kime',
    from: 'Kimden',
    subject: 'Konu',
    spam: 'Bir iki dakika içinde görünmezse istenmeyen posta klasörüne bakılmalı.',
    sentence: (from: string, subject: string) =>
      `${from} adresinden “${subject}” konulu bir e-posta alacaksınız. Yeni parolanızı görmek için içindeki bağlantıyı açın. Göremezseniz istenmeyen posta klasörüne bakın.`,
    sentenceWithPin: (from: string, subject: string) =>
      `${from} adresinden “${subject}” konulu bir e-posta alacaksınız. İçindeki bağlantıyı açıp telefonda verdiğim PIN’i yazın. Göremezseniz istenmeyen posta klasörüne bakın.`,
    sentencePass: (from: string, subject: string) =>
      `${from} adresinden “${subject}” konulu bir e-posta alacaksınız. İçindeki bağlantıyı açın: parolanız olmadan bir kez oturum açmanızı sağlayan bir Geçici Erişim Geçişi göreceksiniz. E-postayı göremezseniz istenmeyen posta klasörüne bakın.`,
    sentencePassWithPin: (from: string, subject: string) =>
      `${from} adresinden “${subject}” konulu bir e-posta alacaksınız. İçindeki bağlantıyı açıp telefonda verdiğim PIN’i yazın: parolanız olmadan bir kez oturum açmanızı sağlayan bir Geçici Erişim Geçişi göreceksiniz. E-postayı göremezseniz istenmeyen posta klasörüne bakın.`,
    copy: 'Cümle olarak kopyala',
  },

  actions: {
    title: 'Yapabilecekleriniz',
    sendAgain: 'Yeniden / başka adrese gönder',
    cancel: 'Sıfırlamayı iptal et',
    cancelling: 'İptal ediliyor …',
    kill: 'Yanlış kişi: hemen durdur',
    startOver: 'Yeni sıfırlama başlat',
    showNewer: 'Yenisini göster',
    confirmKill: 'Bu sıfırlama şimdi durdurulsun mu?',
    confirmKillText: (who: string) =>
      `Bağlantı anında geçersiz olur. Değiştirilmiş bir parola varsa yerine kimsenin bilmediği bir parola konur ve açık oturumlar kapanır. Yeni bir sıfırlama yapılana kadar ${who} oturum açamaz.`,
    confirmKillPass:
      'Bağlantı anında geçersiz olur. Oluşturulmuş bir geçiş kodu varsa kaldırılır ve açık oturumlar kapanır. Geçiş koduyla oturum açıldıktan sonra değiştirilmediyse parola kalır.',
    confirm: 'Şimdi durdur',
    killing: 'Durduruluyor …',
    back: 'Sürsün',
    grant: 'Yeniden oturum aç ve devam et',
    granting: 'Sürdürülüyor …',
  },

  closing: {
    pin: 'PIN henüz okunmadı. Bir daha gösterilemez.',
    draft: 'Yazdıklarınız kaybolacak.',
    sending: 'Yanıt hâlâ bekleniyor.',
    leave: 'Yine de kapat',
    stay: 'Kal',
  },
} satisfies typeof en;
