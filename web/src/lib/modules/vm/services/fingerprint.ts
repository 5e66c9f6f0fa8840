/** `SHA256:…` of a key in OpenSSH form, as `ssh-keygen -l` prints it; null if the text is not a key. */
export async function fingerprintOf(key: string): Promise<string | null> {
  const blob = key.trim().split(/\s+/)[1];
  if (!blob || !globalThis.crypto?.subtle) return null;
  try {
    const bytes = Uint8Array.from(atob(blob), (char) => char.charCodeAt(0));
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return `SHA256:${btoa(String.fromCharCode(...digest)).replace(/=+$/, '')}`;
  } catch {
    return null;
  }
}

/** `ED25519`, `RSA`, `ECDSA`. */
export function keyKind(key: string): string {
  const algorithm = key.split(' ')[0] ?? '';
  return algorithm.replace(/@.*$/, '').replace(/^(sk-)?(ssh-)?/, '').replace(/-.*$/, '').toUpperCase();
}
