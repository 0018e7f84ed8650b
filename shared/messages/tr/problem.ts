// Sorunların Türkçe karşılıkları.

import type { ProblemDetails } from '../../problem.ts';
import type { problem as en } from '../en/problem.ts';

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
  unavailable: () => 'Bağlayıcı şu anda meşgul. Hiçbir şey değişmedi; biraz sonra yeniden deneyin.',
  internal: () => 'Bağlayıcıda bir şeyler ters gitti. Olay, günlüğe yazıldı.',
  notImplemented: () => 'Bu desteklenmiyor.',
  unauthorized: () => 'Önce oturum açın.',
  tokenExpired: () => 'Oturumunuzun süresi doldu. Yeniden oturum açın.',
  signInAgain: () => 'Dizin, yeniden oturum açmanızı istiyor.',
  scopeMissing: () => 'Bu oturum veya belirteç bunun için geçerli değil.',
  roleMissing: () => 'Parola sıfırlamak için Parola Yöneticisi veya Genel Yönetici rolü gerekir.',
  originRefused: () => 'İstek, buna izni olmayan bir sayfadan geldi.',
  targetUnknown: () => 'Bağlayıcı bu kişiyi tanımıyor. Henüz eşitlenmemiş olabilir.',
  targetDisabled: () => 'Bu hesabın oturum açması engellenmiş. Parolayı sıfırlamadan önce engeli kaldırın.',
  targetSelf: () =>
    'Kendi parolanızı burada sıfırlayamazsınız. “Parola değiştir”i kullanın veya başka bir yöneticiye başvurun.',
  targetPrivileged: () => 'Bu kişinin yönetici rolü var. Parolasını yalnızca bir Genel Yönetici sıfırlayabilir.',
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
  linkNotOpened: () => 'Bu bağlantı açılamadı.',
} satisfies typeof en;
