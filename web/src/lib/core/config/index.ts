import ListChecks from '@lucide/svelte/icons/list-checks';
import Gauge from '@lucide/svelte/icons/gauge';
import Play from '@lucide/svelte/icons/play';
import Puzzle from '@lucide/svelte/icons/puzzle';
import Server from '@lucide/svelte/icons/server';
import Settings from '@lucide/svelte/icons/settings';
import SquareTerminal from '@lucide/svelte/icons/square-terminal';
import TextSearch from '@lucide/svelte/icons/text-search';

/** The places of the dashboard, in the order of the rail. */
export const PLACES = [
  { href: '/', label: 'Run', icon: Play, hint: 'Choose machines and run a command' },
  { href: '/overview', label: 'Overview', icon: Gauge, hint: 'How the fleet and its jobs are' },
  { href: '/vms', label: 'VMs', icon: Server, hint: 'Machines, connection, host keys' },
  { href: '/commands', label: 'Commands', icon: SquareTerminal, hint: 'Templates and saved commands' },
  { href: '/jobs', label: 'Jobs', icon: ListChecks, hint: 'History and output' },
  { href: '/logs', label: 'Logs', icon: TextSearch, hint: 'Search all output' },
  { href: '/plugins', label: 'Plugins', icon: Puzzle, hint: 'What extends this host' },
  { href: '/settings', label: 'Settings', icon: Settings, hint: 'Theme, account, about' }
] as const;

/** The place that a path belongs to. */
export function placeOf(path: string): (typeof PLACES)[number] | undefined {
  return PLACES.find(({ href }) => (href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`)));
}
