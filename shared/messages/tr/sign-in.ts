// Oturum açma ve yeni parola seçme sayfalarının Türkçesi.

import type { signIn as en } from '../en/sign-in.ts';

export const signIn = {
  language: 'Dil',
  signInTo: (organisation: string) => `${organisation} için oturum açın`,
  title: 'Oturum açın',
  userName: 'Kullanıcı adı',
  password: 'Parola',
  show: 'Göster',
  hide: 'Gizle',
  showPassword: 'Parolayı göster',
  hidePassword: 'Parolayı gizle',
  submit: 'Oturum aç',
  temporary:
    'Size geçici bir parola gönderildiyse onu size gösterildiği gibi girin. Ardından kendi parolanızı seçersiniz.',
  forgotten: 'Parolanızı mı unuttunuz? Onu yalnızca yöneticiniz sıfırlayabilir.',
  support: (support: string) => `Yardım: ${support}`,

  missing: 'Kullanıcı adınızı ve parolanızı girin.',
  wrong: 'Kullanıcı adı ile parola eşleşmiyor. Büyük ve küçük harflere dikkat edip yeniden deneyin.',
  wait: (seconds: number) =>
    seconds < 60
      ? `Çok fazla deneme yapıldı. ${seconds} saniye bekleyip yeniden deneyin.`
      : `Çok fazla deneme yapıldı. ${seconds < 90 ? 'Bir' : Math.ceil(seconds / 60)} dakika bekleyip yeniden deneyin.`,
  waited: 'Şimdi yeniden deneyebilirsiniz.',
  blocked: 'Bu hesabın oturum açması engellenmiş. Yöneticinize başvurun.',
  busy: 'Şu anda oturumunuzu açamıyoruz. Birkaç saniye bekleyip yeniden deneyin.',

  newTitle: 'Yeni parolanızı seçin',
  newIntro: 'Kullandığınız parola geçici. Yalnızca sizin bileceğiniz bir parola seçin.',
  signingInAs: 'Oturum açan hesap',
  newPassword: 'Yeni parola',
  repeat: 'Yeni parola (yeniden)',
  save: 'Kaydet ve oturum aç',
  somebodyElse: 'Siz değil misiniz? Başka bir hesap kullanın',
  rules: 'Yeni parola',
  ruleLength: (minimum: number) => `en az ${minimum} karakter içermeli`,
  ruleClasses: (classes: number) =>
    classes >= 4
      ? 'küçük harf, büyük harf, rakam ve simge içermeli'
      : `şunlardan ${classes === 3 ? 'üçünü' : classes === 2 ? 'ikisini' : 'birini'} içermeli: küçük harf, büyük harf, rakam, simge`,
  ruleName: 'adınızı veya kullanıcı adınızı içermemeli',
  ruleCommon: 'kolay tahmin edilmemeli',
  ruleCharacters: 'yalnızca A–Z harfleri, rakam, boşluk ve yaygın simgelerden oluşmalı',
  ruleRepeat: 'iki alanda da aynı olmalı',
  met: 'karşılandı',
  notMet: 'henüz karşılanmadı',
  allMet: 'Yeni parola bütün kurallara uyuyor.',
  nameInside: 'Yeni parolanız adınızı veya kullanıcı adınızı içeremez.',
  repeatWrong: 'İki yeni parola aynı değil. Yeniden yazın.',
  changedMeanwhile: 'Parolanız bu arada değiştirildi. Size en son verilen parolayla oturum açın.',

  worksTitle: 'Yeni parolanız çalışıyor',
  works: 'Bundan sonra her yerde bu parolayla oturum açın. Onu sizden başka kimse bilmiyor.',
  signedInTitle: 'Oturumunuz açık',
  signedIn: 'Kullanıcı adınız ve parolanız çalışıyor.',
  closePage: 'Bu sayfayı kapatabilirsiniz.',
  goOn: (host: string) => `${host} adresine gidin`,
  signOut: 'Oturumu kapat',
  signedOutTitle: 'Oturumunuz kapatıldı',
  signInAgain: 'Yeniden oturum aç',

  expiredTitle: 'Bu oturum açma işleminin süresi doldu',
  expired:
    'Sayfa çok uzun süre açık kaldı, işlem zaten tamamlandı veya tarayıcınız çerezi saklamadı. Bu pencereyi kapatıp yeniden başlayın.',
  refusedTitle: 'Bu oturum açma işlemi sürdürülemiyor',
  refused: 'Sizi buraya getiren uygulama izin verilmeyen bir şey istedi. Yöneticinize şu kodu iletin:',
  originTitle: 'Bu form başka bir sayfadan geldi',
  origin: 'Güvenliğiniz için hiçbir işlem yapılmadı. Oturum açma sayfasını yeniden açıp orada doldurun.',
  notFoundTitle: 'Burada bir oturum açma sayfası yok',
  notFound: 'Size verilen adresi denetleyin.',
  failedTitle: 'Bir şeyler ters gitti',
  failed: 'Hiçbir şey değişmedi. Biraz sonra yeniden deneyin.',
  startAgain: 'Yeniden başla',
} satisfies typeof en;
