import type { Auth, AuthKind, Vm, VmInput, VmOptions } from '../types';

/** What stands in the form for a VM: texts as they are typed. */
export interface VmFormValues {
  name: string;
  address: string;
  port: string;
  user: string;
  transport: 'ssh' | 'local';
  authKind: AuthKind;
  identityFile: string;
  secret: string;
  jump: string;
  acceptNew: boolean;
  labels: { key: string; value: string }[];
  keepalive: string;
  passwordSecret: string;
  algorithms: Record<AlgorithmKind, string>;
}

export const ALGORITHM_KINDS = ['ciphers', 'kex', 'macs', 'host_key_algorithms'] as const;
export type AlgorithmKind = (typeof ALGORITHM_KINDS)[number];
const NO_ALGORITHMS: Record<AlgorithmKind, string> = { ciphers: '', kex: '', macs: '', host_key_algorithms: '' };

/** Longest time between two signs of life, in seconds. */
export const KEEPALIVE_SECONDS_MAX = 3600;

export function blankForm(): VmFormValues {
  return {
    name: '',
    address: '',
    port: '22',
    user: '',
    transport: 'ssh',
    authKind: 'agent',
    identityFile: '',
    secret: '',
    jump: '',
    acceptNew: false,
    labels: [],
    keepalive: '',
    passwordSecret: '',
    algorithms: { ...NO_ALGORITHMS }
  };
}

export function formOf(vm: Vm): VmFormValues {
  const { options } = vm;
  const algorithms = { ...NO_ALGORITHMS };
  for (const kind of ALGORITHM_KINDS) algorithms[kind] = (options?.[kind] ?? []).join(', ');
  return {
    name: vm.name,
    address: vm.address,
    port: String(vm.port),
    user: vm.user,
    transport: vm.transport,
    authKind: vm.auth.kind,
    identityFile: vm.auth.identity_file ?? '',
    secret: vm.auth.secret ?? '',
    jump: vm.jump[0] ?? '',
    acceptNew: vm.accept_new_host_key,
    labels: Object.entries(vm.labels).map(([key, value]) => ({ key, value })),
    keepalive: options?.keepalive_seconds ? String(options.keepalive_seconds) : '',
    passwordSecret: options?.password_secret ?? '',
    algorithms
  };
}

/** What the form says, as the host wants it. `vm` is the one that is edited. */
export function inputOf(form: VmFormValues, vm: Vm | null): VmInput {
  const auth: Auth = { kind: form.authKind };
  if (needsKey(form.authKind) && form.identityFile) auth.identity_file = form.identityFile;
  if (form.authKind !== 'agent' && form.secret) auth.secret = form.secret;
  const options = form.transport === 'ssh' ? optionsOf(form) : {};
  return {
    name: form.name.trim(),
    address: form.transport === 'local' ? '' : form.address.trim(),
    port: Number(form.port),
    user: form.user.trim(),
    transport: form.transport,
    labels: Object.fromEntries(form.labels.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value.trim()])),
    auth,
    // More hops than one come from discovery; they are kept unless the first one is changed here.
    jump: form.transport === 'local' || form.jump === '' ? [] : vm?.jump[0] === form.jump ? vm.jump : [form.jump],
    accept_new_host_key: form.acceptNew,
    ...(Object.keys(options).length > 0 ? { options } : {})
  };
}

/** What can be seen to be wrong before the host is asked, by the names of its fields. */
export function problemsOf(form: VmFormValues): Record<string, string> {
  const errors: Record<string, string> = {};
  if (form.name.trim() === '') errors.name = 'Needed.';
  if (form.transport === 'local') return errors;
  if (form.address.trim() === '') errors.address = 'Needed: a host name or an IP address.';
  const port = Number(form.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) errors.port = 'Between 1 and 65535.';
  if (form.authKind === 'certificate' && !form.identityFile) errors['auth.identity_file'] = 'Needed: the path of the private key.';
  if (form.authKind === 'password' && !form.secret) errors['auth.secret'] = 'Needed: the secret that holds the password.';
  const keepalive = Number(form.keepalive);
  if (form.keepalive.trim() !== '' && !(Number.isInteger(keepalive) && keepalive >= 1 && keepalive <= KEEPALIVE_SECONDS_MAX)) {
    errors['options.keepalive_seconds'] = `A whole number from 1 to ${KEEPALIVE_SECONDS_MAX}.`;
  }
  return errors;
}

export function needsKey(kind: AuthKind): boolean {
  return kind === 'key' || kind === 'certificate';
}

/** Only what differs from the usual. */
function optionsOf(form: VmFormValues): VmOptions {
  const options: VmOptions = {};
  if (form.keepalive.trim() !== '') options.keepalive_seconds = Number(form.keepalive);
  if (form.passwordSecret !== '' && needsKey(form.authKind)) options.password_secret = form.passwordSecret;
  for (const kind of ALGORITHM_KINDS) {
    const names = form.algorithms[kind].split(/[\s,]+/).filter(Boolean);
    if (names.length > 0) options[kind] = names;
  }
  return options;
}
