// Before anything of Fluent is loaded: the fonts are the system's own, not those of another server.

Object.assign(globalThis, { FabricConfig: { fontBaseUrl: '' } });
