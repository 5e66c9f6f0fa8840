import { describe, expect, it } from 'vitest';
import { EventDispatcher } from '$lib/core/events';
import { makeSnapshot, makeTemplate } from '$lib/test/fakes';
import { createCommandStore } from './commandStore.svelte';

describe('commandStore', () => {
  it('takes a plugin’s whole new offer and leaves the rest alone', () => {
    const dispatcher = new EventDispatcher();
    const store = createCommandStore(dispatcher);
    dispatcher.snapshot('e1', 1, makeSnapshot({
      templates: [makeTemplate('yaml/a'), makeTemplate('yaml/b'), makeTemplate('other/c'), makeTemplate('saved/d', { origin: 'saved', plugin: null })]
    }));
    const event = { seq: 2, epoch: 'e1', at: '', actor: 'host', type: 'templates-changed' as const, plugin: 'yaml', templates: [makeTemplate('yaml/b'), makeTemplate('yaml/new')], problems: ['x.yaml: line 3'] };
    dispatcher.events('e1', [event]);
    expect(store.all.map((template) => template.id)).toEqual(['other/c', 'saved/d', 'yaml/b', 'yaml/new']);
    expect(store.problems).toEqual([{ plugin: 'yaml', problems: ['x.yaml: line 3'] }]);
  });

  it('files what a search finds by category', () => {
    const dispatcher = new EventDispatcher();
    const store = createCommandStore(dispatcher);
    dispatcher.snapshot('e1', 1, makeSnapshot({
      templates: [makeTemplate('a/disk', { title: 'Disk usage', category: 'Inspect' }), makeTemplate('a/deploy', { title: 'Deploy', category: '' })]
    }));
    expect(store.groups('').map((group) => group.category)).toEqual(['Inspect', 'Other']);
    expect(store.groups('usage disk').flatMap((group) => group.templates).map((template) => template.id)).toEqual(['a/disk']);
  });
});
