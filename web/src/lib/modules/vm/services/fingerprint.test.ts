import { describe, expect, it } from 'vitest';
import { fingerprintOf, keyKind } from './fingerprint';

describe('fingerprint', () => {
  it('is what ssh-keygen -l prints', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0DPMRD6OIh65tjk9Cx6nkTiGqgrYHVLk';
    expect(await fingerprintOf(key)).toBe('SHA256:D8yCa1zr8h26+Oshc4IjStJKgumZFsxJkDwO44VBRxo');
    expect(await fingerprintOf('nonsense')).toBeNull();
  });

  it('has the kind of a key as people say it', () => {
    expect(['ssh-ed25519 A', 'ssh-rsa A', 'ecdsa-sha2-nistp256 A', 'sk-ssh-ed25519@openssh.com A'].map(keyKind)).toEqual(['ED25519', 'RSA', 'ECDSA', 'ED25519']);
  });
});
