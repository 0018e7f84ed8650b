// Who the extension is to a browser. The stores give their own ids; the practice build brings a fixed public key, so that
// its id, its redirect address and its policy path stay the same on every machine. The private half was never kept.

/** `key` of the practice build's Chromium manifest: base64 of an RSA public key (SubjectPublicKeyInfo). */
export const practiceKey = [
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAobr3/ionjUg7MxF7ze7Tp4LNJIqWOKbyM9zdF84rONmr2D22PJP/vK6gt0dq6souHA/B',
  'Bgym7u3hDKOAvuubjoWGbJmzrLCtlUr4lID44GdExilxljS4OuRotbU+fchhiq9ggEJ9149Wb1HNdMtFXQUHRvPnZKREIMd+J12EpjVBBMHQXhW9',
  'w5OAjtzk+PZE43rzMxrHmoI/EIYIWlq4X0NNNx7KU0ZNTEURedvgvEM1nzarh361y/uuDylVlIt60JUHx2WcnDeA4mlz17bdU5XzIkhLriviMusH',
  'ovFyhQ1ljt92up3HGo09daFMvGAhN9SmKGXnpkyp5CcMWIYGPwIDAQAB',
].join('');

/** The Chromium id that `practiceKey` leads to: the first half of the key's SHA-256, spelled with a–p. */
export const practiceId = 'ehgklkmaaldpgkaiebolcafcmkcachbi';

/** `browser_specific_settings.gecko.id`, in every build for Firefox. */
export const geckoId = 'reset-and-resend@extension.example';
