/** The key beside the space bar that commands are given with: ⌘ on Apple's keyboards, Ctrl on others. Both are understood. */
export const COMMAND_KEY = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';
