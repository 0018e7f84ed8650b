// When the machine may have been away: asleep, or without a network. Connections that stood then are worth nothing.

/** Listens for a network that is back and for a window that is looked at again. Returns how to stop. */
export function onWake(listener: () => void): () => void {
  const seen = () => {
    if (document.visibilityState === 'visible') listener();
  };
  window.addEventListener('online', listener);
  document.addEventListener('visibilitychange', seen);
  return () => {
    window.removeEventListener('online', listener);
    document.removeEventListener('visibilitychange', seen);
  };
}
