import { SvelteMap } from 'svelte/reactivity';
import type { EventDispatcher } from '$lib/core/events';
import { compareText, matchesQuery, sentence } from '$lib/shared/utils';
import type { CommandGroup, Template, TemplateProblems } from '../types';

/** Every template that plugins offer or people saved. */
export class CommandStore {
  readonly byId = new SvelteMap<string, Template>();
  private readonly problemsByPlugin = new SvelteMap<string, string[]>();
  loaded = $state(false);

  all = $derived([...this.byId.values()].sort((a, b) => compareText(a.title, b.title)));
  saved = $derived(this.all.filter((template) => template.origin === 'saved'));
  categories = $derived([...new Set(this.all.map((template) => template.category).filter(Boolean))].sort(compareText));
  problems = $derived<TemplateProblems[]>(
    [...this.problemsByPlugin].map(([plugin, problems]) => ({ plugin, problems })).filter((p) => p.problems.length > 0)
  );

  constructor(dispatcher: EventDispatcher) {
    dispatcher.onSnapshot((state) => {
      this.byId.clear();
      this.problemsByPlugin.clear();
      for (const template of state.templates) this.byId.set(template.id, template);
      for (const { plugin, problems } of state.template_problems ?? []) this.problemsByPlugin.set(plugin, problems);
      this.loaded = true;
    });
    dispatcher.on('template-saved', ({ template }) => this.byId.set(template.id, template));
    dispatcher.on('template-removed', ({ id }) => this.byId.delete(id));
    dispatcher.on('templates-changed', ({ plugin, templates, problems }) => this.offer(plugin, templates, problems));
    dispatcher.on('plugin-removed', ({ id }) => this.offer(id, [], []));
  }

  get(id: string | null | undefined): Template | undefined {
    return id ? this.byId.get(id) : undefined;
  }

  titleOf(id: string): string {
    return this.byId.get(id)?.title ?? id;
  }

  /** Templates that a search finds, filed by category. */
  groups(query: string): CommandGroup[] {
    const groups = new Map<string, Template[]>();
    for (const template of this.all) {
      if (!matchesQuery(query, template.title, template.id, template.description, template.category)) continue;
      const category = sentence(template.category || 'Other');
      groups.set(category, [...(groups.get(category) ?? []), template]);
    }
    return [...groups.entries()]
      .sort(([a], [b]) => compareText(a, b))
      .map(([category, templates]) => ({ category, templates }));
  }

  private offer(plugin: string, templates: readonly Template[], problems: string[]): void {
    for (const [id, template] of [...this.byId]) {
      if (template.origin === 'plugin' && (template.plugin ?? id.split('/')[0]) === plugin) this.byId.delete(id);
    }
    for (const template of templates) this.byId.set(template.id, template);
    if (problems.length > 0) this.problemsByPlugin.set(plugin, problems);
    else this.problemsByPlugin.delete(plugin);
  }
}

export function createCommandStore(dispatcher: EventDispatcher): CommandStore {
  return new CommandStore(dispatcher);
}
