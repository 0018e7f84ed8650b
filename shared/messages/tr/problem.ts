// Sorunların Türkçe karşılıkları.

import type { ProblemDetails } from '../../problem.ts';
import type { problem as en } from '../en/problem.ts';
import { roleNames } from './role.ts';

const or = new Intl.ListFormat('tr', { type: 'disjunction' });

const role = (name: unknown) => roleNames[String(name)] ?? String(name);

/** Kimler yapabilir: `who`, virgülle ayrılmış rol adlarıdır. */
const onlyBy = ({ who }: ProblemDetails) =>
  typeof who === 'string' ? ` Parolasını yalnızca ${or.format(who.split(', ').map(role))} sıfırlayabilir.` : '';

export const problem = {
  invalidSyntax: () => 'İstek JSON olarak okunamadı.',
  invalidValue: (d: ProblemDetails) =>
    d.field ? `“${d.field}” değeri eksik veya geçersiz.` : 'Bir değer eksik veya geçersiz.',
  invalidFilter: (d: ProblemDetails) =>
    `Filtre anlaşılamadı${d.position === undefined ? '' : ` (konum ${d.position})`}.`,
  filterNotAllowed: () => 'Bu liste filtrelenemez.',
  invalidPath: (d: ProblemDetails) => `“${d.path ?? ''}” yolu bir özniteliği göstermiyor.`,
  noTarget: () => 'Yol, değiştirilebilecek bir şeyle eşleşmedi.',
  mutability: (d: ProblemDetails) => `“${d.attribute ?? 'Öznitelik'}” değiştirilemez.`,
  tooMany: () => 'Yanıt çok büyük olurdu. Filtreyi daraltın.',
  invalidCursor: () => 'İmleç bu sorguya ait değil. Boş bir imleçle yeniden başlayın.',
  expiredCursor: () => 'İmlecin süresi doldu. Boş bir imleçle yeniden başlayın.',
  invalidCount: () => 'Sayı geçerli değil.',
  uniqueness: (d: ProblemDetails) => `Bu ${d.attribute ?? 'değer'} başka bir kaynakta zaten var.`,
  notFound: (d: ProblemDetails) => (d.id === undefined ? 'Bu adreste bir şey yok.' : `${d.id} kaynağı bulunamadı.`),
  methodNotAllowed: () => 'Bu yöntem burada desteklenmiyor.',
  preconditionFailed: () => 'Kaynak siz okuduktan sonra değişti.',
  tooLarge: () => 'İstek çok büyük.',
  unsupportedMediaType: () => 'İsteği JSON olarak gönderin.',
  throttled: () => 'Çok fazla istek geldi. Biraz bekleyip yeniden deneyin.',
  unavailable: (d: ProblemDetails): string => {
    if (d.reason === 'lost') {
      return 'Yanıt gelmedi; parolanın değişip değişmediği henüz bilinmiyor. Yeniden deneniyor.';
    }
    if (d.reason === 'commitUnknown') {
      return 'Veritabanından yanıt gelmedi; işlemin yapılıp yapılmadığı bilinmiyor. Yinelemeden önce bakın.';
    }
    if (d.reason === 'moving') {
      return 'Veritabanı taşınıyor; bu yüzden şu anda hiçbir şey değiştirilemez. Birkaç dakika sonra yeniden deneyin.';
    }
    if (d.reason === 'issuer')
      return 'Kuruluşun oturum açma hizmetine şu anda ulaşılamıyor. Biraz sonra yeniden deneyin.';
    return 'Bağlayıcı ya da arkasındaki dizin şu anda meşgul. Biraz sonra yeniden deneyin.';
  },
  internal: () => 'Bağlayıcıda bir şeyler ters gitti. Olay, günlüğe yazıldı.',
  notImplemented: () => 'Bu desteklenmiyor.',
  unauthorized: () => 'Önce oturum açın.',
  tokenExpired: () => 'Oturumunuzun süresi doldu. Yeniden oturum açın.',
  signInAgain: () => 'Dizin, yeniden oturum açmanızı istiyor.',
  scopeMissing: () => 'Bu oturum veya belirteç bunun için geçerli değil.',
  roleMissing: () =>
    'Parola sıfırlamak için Yardım Masası Yöneticisi, Parola Yöneticisi veya Genel Yönetici gibi bir rol gerekir.',
  restored: () =>
    'Bağlayıcının veritabanı, bu sıfırlama sürerken alınmış bir yedekten geri yüklendi; sıfırlama sona erdirildi. Yedekten sonra ne olduğu bilinmiyor.',
  originRefused: () => 'İstek, buna izni olmayan bir sayfadan geldi.',
  targetUnknown: () => 'Bağlayıcı bu kişiyi tanımıyor. Henüz eşitlenmemiş olabilir.',
  targetDisabled: () => 'Bu hesabın oturum açması engellenmiş. Parolayı sıfırlamadan önce engeli kaldırın.',
  targetSelf: () =>
    'Kendi parolanızı burada sıfırlayamazsınız. “Parola değiştir”i kullanın veya başka bir yöneticiye başvurun.',
  targetGuest: () => 'Bu kişi bir konuk kullanıcı. Parolası başka bir kuruluşa ait.',
  targetFederated: (d: ProblemDetails) =>
    `${d.domain ?? 'Bu kişinin etki alanı'} için oturum başka bir hizmette açılıyor (federasyon). Parolayı orada sıfırlayın.`,
  targetSynced: (d: ProblemDetails): string =>
    d.reason === 'appOnly'
      ? 'Bu kişi kendi Active Directory’nizden eşitleniyor. Parolası yalnızca oturum açmış bir yönetici adına sıfırlanabilir.'
      : 'Bu kişi kendi Active Directory’nizden eşitleniyor ve parolalar oraya geri yazılmıyor. Parolayı orada sıfırlayın.',
  targetProtected: () =>
    'Bu hesap Active Directory tarafından korunuyor (AdminCount). Parolası yalnızca Active Directory’de sıfırlanabilir.',
  targetPrivileged: (d: ProblemDetails): string => {
    if (d.reason === 'directory') {
      return 'Dizin reddetti: ya bu kişinin sizin rolünüzün yetmediği bir yönetici rolü var ya da bağlayıcının bir izni eksik.';
    }
    const holds = d.role ? `Bu kişinin “${role(d.role)}” rolü var` : 'Bu kişinin bir yönetici rolü var';
    if (d.scoped) {
      return `${holds}. Bir yönetim birimi için verilen “${role(d.yours)}” rolü yalnızca hiçbir rolü olmayan kişileri kapsar.${onlyBy(d)}`;
    }
    return `${holds}; ${d.yours ? `“${role(d.yours)}” rolü` : 'sizin rolünüz'} bunun için yeterli değil.${onlyBy(d)}`;
  },
  targetRoleAssignable: (d: ProblemDetails) => `Bu kişi, yönetici rolü atanabilen bir grupta yer alıyor.${onlyBy(d)}`,
  targetRestricted: (d: ProblemDetails) =>
    d.who
      ? `Bu kişinin, yönetimi kısıtlı bir yönetim birimi üzerinde rolü var.${onlyBy(d)}`
      : 'Bu kişi, yönetimi kısıtlı bir yönetim biriminde. Parolasını yalnızca o birimin kendi yöneticileri sıfırlayabilir.',
  targetOutsideUnit: (d: ProblemDetails) =>
    `${d.yours ? `“${role(d.yours)}” rolünüz` : 'Rolünüz'}, bu kişinin içinde olmadığı bir yönetim birimi için geçerli.${onlyBy(d)}`,
  passwordTooShort: (d: ProblemDetails) => `En az ${d.minimum ?? 8} karakter kullanın.`,
  passwordTooLong: (d: ProblemDetails) => `En fazla ${d.maximum ?? 256} karakter kullanın.`,
  passwordCharacters: () =>
    'Yalnızca A–Z harfleri, rakam, boşluk ve yaygın simgeler kullanın; Türkçe karakter veya emoji kullanmayın.',
  passwordClasses: () => 'Şunlardan üçünü kullanın: küçük harf, büyük harf, rakam, simge.',
  passwordContainsName: () => 'Parola, kişinin adını veya kullanıcı adını içeremez.',
  passwordCommon: () => 'Bu parola çok kolay tahmin edilir.',
  passwordSame: () => 'Geçici paroladan farklı bir parola seçin.',
  passwordNotAllowed: () => 'Kuruluşunuz yalnızca otomatik oluşturulan parolalara izin veriyor.',
  passNotAllowed: () => 'Burada Geçici Erişim Geçişi gönderilemez: kuruluşun ilkesi ya da rolünüz buna izin vermiyor.',
  recipientInvalid: () => 'Bu tam bir e-posta adresi değil.',
  recipientOwnMailbox: () => 'Bu, parolası sıfırlanan hesabın kendi posta kutusu. Kişi onu okuyamaz.',
  recipientUnknown: () => 'Bu adres artık kişinin kayıtlı adresleri arasında değil.',
  recipientNotAllowed: () => 'Kuruluşunuz parolanın bu adrese gönderilmesine izin vermiyor.',
  pinInvalid: () => 'PIN sekiz rakamdan oluşur.',
  pinRequired: () => 'Kuruluşunuz, kayıtlı olmayan bir adres için PIN istiyor.',
  liveReset: (d: ProblemDetails) => `${d.by ?? 'Başka bir yönetici'} bu kişi için zaten bir sıfırlama başlattı.`,
  idempotencyKeyMissing: () => 'İstekte Idempotency-Key yok.',
  idempotencyMismatch: () => 'Bu Idempotency-Key farklı bir istek için kullanılmış.',
  stateConflict: () => 'Sıfırlama bu arada ilerledi. Güncel durumuna bakın.',
  directoryRefused: (d: ProblemDetails) =>
    `Dizin değişikliği reddetti${d.reason ? `: ${d.reason}` : ''}. Hiçbir şey değişmedi.`,
  directoryMisconfigured: (d: ProblemDetails) => {
    const reasons: Readonly<Record<string, string>> = {
      secretExpired: 'istemci gizli anahtarının süresi dolmuş',
      secretWrong: 'istemci gizli anahtarı yanlış',
      certificateWrong: 'sertifikası kayıtlı olan değil veya süresi dolmuş',
      clientUnknown: 'uygulama kaydı orada bilinmiyor',
      tenantUnknown: 'böyle bir kiracı yok',
    };
    const reason = reasons[String(d.reason)] ?? 'reddedildi';
    const code = d.code === undefined ? '' : ` (${d.code})`;
    return `Bağlayıcı dizinde oturum açamıyor: ${reason}${code}. Onu işleten kişiye bildirin.`;
  },
  consentMissing: (d: ProblemDetails) =>
    `Bağlayıcıya dizinde ${d.permission ? `${d.permission} izni` : 'gereken bir izin'} verilmemiş. Bir yöneticinin onay vermesi gerekiyor.`,
  sessionsNotEnded: () => 'Parola değiştirildi, ancak kişinin açık oturumları kapatılamadı.',
  linkNotOpened: () => 'Bu bağlantı açılamadı.',
} satisfies typeof en;
