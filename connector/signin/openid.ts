// oidc-provider, loaded without what it says of every Node that is not an LTS release: the version is the project's
// choice, and whoever reads the service's output can do nothing about it.

const { warn } = console;
console.warn = (...said: unknown[]) => {
  if (!String(said[0]).includes('Unsupported runtime')) warn(...said);
};

export const {
  default: Provider,
  errors,
  interactionPolicy,
} = await import('oidc-provider').finally(() => {
  console.warn = warn;
});
