/** How grave a line is, as filters say it by the annotation `level`. The names are those that the host's search knows. */
export type Level = 'trace' | 'debug' | 'info' | 'notice' | 'warn' | 'error' | 'fatal';

export interface LevelLook {
  level: Level;
  /** What stands beside the line. */
  letter: string;
  label: string;
}

const LOOKS: LevelLook[] = [
  { level: 'trace', letter: 'T', label: 'trace' },
  { level: 'debug', letter: 'D', label: 'debug' },
  { level: 'info', letter: 'I', label: 'info' },
  { level: 'notice', letter: 'N', label: 'notice' },
  { level: 'warn', letter: 'W', label: 'warning' },
  { level: 'error', letter: 'E', label: 'error' },
  { level: 'fatal', letter: 'F', label: 'fatal' }
];
const OTHER_NAMES: Record<string, Level> = {
  information: 'info',
  warning: 'warn',
  err: 'error',
  critical: 'fatal',
  crit: 'fatal',
  alert: 'fatal',
  emergency: 'fatal',
  emerg: 'fatal'
};
const BY_NAME = new Map<string, LevelLook>([
  ...LOOKS.map((look): [string, LevelLook] => [look.level, look]),
  ...Object.entries(OTHER_NAMES).map(([name, level]): [string, LevelLook] => [name, LOOKS.find((look) => look.level === level)!])
]);

/** Mildest first. */
export const LEVELS: readonly LevelLook[] = LOOKS;

export function levelOf(annotations: Record<string, string> | undefined): LevelLook | undefined {
  return annotations?.level === undefined ? undefined : BY_NAME.get(annotations.level.toLowerCase());
}
