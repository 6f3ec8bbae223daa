// What every store must do, as a function of how one is opened. Each part stands in a file of its own.
import { afterAll, beforeAll, describe } from 'vitest';
import type { Store } from '../../server/store/store.ts';
import { appends } from './store-appends.ts';
import { bodies } from './store-bodies.ts';
import { devices } from './store-devices.ts';
import { duplicates } from './store-duplicates.ts';
import { erasing } from './store-erasing.ts';
import { inbox } from './store-inbox.ts';
import { kept } from './store-kept.ts';
import { againstModel } from './store-model.ts';
import { positions } from './store-positions.ts';
import { ranges } from './store-ranges.ts';
import { rows } from './store-rows.ts';

/** A place in which a store can be opened again and again: each time with what the one before has kept. */
export interface StorePlace extends AsyncDisposable {
  open(): Promise<Store>;
}

/** The store that a part of the suite uses, and the same one after its process was replaced. */
export interface UnderTest {
  store(): Store;
  reopen(): Promise<Store>;
}

export function storeContract(name: string, newPlace: () => Promise<StorePlace>): void {
  describe(name, () => {
    let place: StorePlace;
    let store: Store;
    beforeAll(async () => {
      place = await newPlace();
      store = await place.open();
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });
    const underTest: UnderTest = {
      store: () => store,
      async reopen() {
        await store[Symbol.asyncDispose]();
        store = await place.open();
        return store;
      },
    };
    describe('appends', () => appends(underTest));
    describe('ids', () => duplicates(underTest));
    describe('ranges of entries', () => ranges(underTest));
    describe('bodies', () => bodies(underTest));
    describe('erasing', () => erasing(underTest));
    describe('rows', () => rows(underTest));
    describe('positions', () => positions(underTest));
    describe('the inbox', () => inbox(underTest));
    describe('devices', () => devices(underTest));
    describe('last seen, secrets, health', () => kept(underTest));
    describe('beside a simple model', () => againstModel(underTest));
  });
}
