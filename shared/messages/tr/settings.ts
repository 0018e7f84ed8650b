// What the extension's settings page and its popup say.

import type { SettingsMessages } from '../settings.ts';

export const settings: SettingsMessages = {
  product: 'Reset & Resend',
  settings: 'Ayarlar',
  connector: {
    title: 'Bağlayıcı',
    about: 'Kuruluşunuzun kendi sunucusu. Parolaları değiştirir ve e-postayı gönderir; başka hiçbir yere veri gitmez.',
    address: 'Adres',
    connect: 'Bağlan',
    connecting: 'Bağlanılıyor…',
    remove: 'Kaldır',
    connected: (organisation) => `Bağlı olduğu kuruluş: ${organisation}`,
    signInAt: (host) => `Yöneticiler ${host} adresinde oturum açar`,
    invalid: 'https:// ile başlayan ve yol içermeyen bir adres girin, örneğin https://reset.contoso.com',
    permissionRefused: 'Tarayıcının bu adrese erişmesine izin verilmedi.',
    unreachable: (host) => `${host} yanıt vermiyor. Adresi ve bağlayıcının çalıştığını denetleyin.`,
    notConnector: (host) => `${host} adresinde yanıt veren bir şey var, ama bağlayıcı değil.`,
    notSaved: 'Hiçbir şey değiştirilmedi.',
  },
  language: {
    title: 'Dil',
    about: 'Düğmenin, iletişim penceresinin ve bu ayarların dili. E-postanın dili her sıfırlamada ayrıca seçilir.',
    browser: (name) => `Tarayıcının dili (${name})`,
  },
  pages: {
    title: 'Yönetim merkezi',
    about: 'Düğme yalnızca bu iki sitedeki etkin kullanıcılar listesinde görünür.',
    allowed: 'İzin verildi',
    refused: 'Tarayıcı uzantıya bu sitelerde henüz izin vermiyor.',
    allow: 'İzin ver',
  },
  managed: 'Kuruluşunuz tarafından ayarlandı',
  builtIn: 'Bu alıştırma sürümü tarafından ayarlandı',
  version: (version) => `Sürüm ${version}`,
  popup: {
    about: 'Satırını aramadan bir kişinin parolasını sıfırlayın.',
    person: 'Ad veya oturum açma adresi',
    open: 'Bul',
    empty: 'Bir ad veya adres girin.',
    noConnector: 'Henüz bir bağlayıcı ayarlanmadı.',
    setUp: 'Ayarla',
    adminCenter: 'Etkin kullanıcıları aç',
    failed: 'Pencere açılamadı. Yeniden deneyin.',
  },
};
