import type { CommandLine, Template } from '$lib/core/clients';

export type { CommandLine, Template, TemplateProblems } from '$lib/core/clients';

/** What a person saves. */
export interface SavedCommandInput {
  title: string;
  script: string;
  description: string;
  category: string;
  dangerous: boolean;
  vm?: string | null;
}

export interface CommandGroup {
  category: string;
  templates: Template[];
}

/** What is about to run: a template with arguments, or text that a person typed. */
export type Draft =
  | { kind: 'template'; id: string; args: Record<string, unknown> }
  | { kind: 'command'; command: CommandLine };

/** The id under which the ad-hoc command stands among the templates. */
export const AD_HOC = 'ad-hoc';

export function originLabel(template: Template): string {
  return template.origin === 'saved' ? 'Saved' : (template.plugin ?? template.id.split('/')[0] ?? 'plugin');
}
