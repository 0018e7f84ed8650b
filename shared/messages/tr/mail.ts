// Tek kullanımlık bağlantıyı taşıyan e-posta.

import type { MailMessages, PassMailMessages } from '../mail.ts';

export const mail = {
  subject: (organisation) => `${organisation}: yeni parola bağlantınız`,
  preheader: (until) => `Bağlantı şu zamana kadar geçerli: ${until}. Bu e-postada parola yoktur.`,
  greeting: (name) => `Merhaba ${name},`,
  intro: (organisation) =>
    `${organisation} yöneticilerinden biri sizin için yeni bir parola hazırladı. Parola bu e-postada değil: aşağıdaki bağlantı onu size bir kez gösterir.`,
  account: 'Hesabınız',
  validUntil: 'Bağlantının geçerlilik sonu',
  hours: (hours) => `${hours} saat`,
  button: 'Yeni parolamı göster',
  host: (host) => `Düğme sizi şu adrese götürür: ${host}`,
  link: 'Yeni parolanızı görmek için bu bağlantıyı açın:',
  code: 'Sayfa bir kod isterse şunu yazın veya yapıştırın:',
  pin: 'Ayrıca sekiz rakamlı bir PIN gerekir. PIN’i yöneticiniz size telefonla söyler; PIN hiçbir zaman e-postayla gelmez.',
  next: 'Ne yapmalısınız?',
  steps: {
    open: 'Ekranınızı kimsenin göremeyeceği bir yerde bağlantıyı açın ve “Parolayı göster”e basın.',
    signIn: 'Yukarıdaki hesap ve bu parolayla oturum açın.',
    change: 'İstendiğinde kendinize yeni bir parola belirleyin.',
  },
  oldPassword: 'Eski parolanız, bu e-postanın size ulaştığı sıralarda geçersiz olur.',
  unexpected: (support) =>
    `Bunu beklemiyor muydunuz? O hâlde bağlantıyı açmayın ve BT biriminize haber verin${support ? `: ${support}` : '.'}`,
  footer: (organisation) => `${organisation} adına, bir yöneticinin isteğiyle otomatik olarak gönderildi.`,
} satisfies MailMessages;

/** Bağlantı parola değil, Geçici Erişim Geçişi gösterdiğinde. */
export const passMail = {
  subject: (organisation) => `${organisation}: Geçici Erişim Geçişi bağlantınız`,
  preheader: (until) => `Bağlantı şu zamana kadar geçerli: ${until}. Bu e-postada geçiş kodu yoktur.`,
  intro: (organisation) =>
    `${organisation} yöneticilerinden biri sizin için bir Geçici Erişim Geçişi hazırladı. Onunla parolanız olmadan bir kez oturum açarsınız. Geçiş kodu bu e-postada değil: aşağıdaki bağlantı onu size bir kez gösterir.`,
  button: 'Geçiş kodumu göster',
  link: 'Geçiş kodunuzu görmek için bu bağlantıyı açın:',
  steps: {
    open: 'Ekranınızı kimsenin göremeyeceği bir yerde bağlantıyı açın ve “Geçiş kodunu göster”e basın.',
    signIn:
      'Oturum açma sayfasında yukarıdaki hesabı girin; geçiş kodunu istendiği yere ya da parolanın yerine yapıştırın.',
    change: 'Ardından istenenleri ayarlayın, örneğin yeni bir parola: geçiş kodu yalnızca bir kez kullanılabilir.',
  },
  oldPassword: 'Geçiş kodu kendi başına parolanızı değiştirmez.',
} satisfies PassMailMessages;
