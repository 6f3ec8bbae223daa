import { begin } from './store/account.ts';
import { allowOwnScripts } from './trusted-types.ts';

allowOwnScripts();
// Small, and first: who is there is asked for while the rest is still read and compiled.
const begun = begin();
// Its failure is shown by the app.
begun.catch(() => {});
void import('./ui/start.tsx').then(({ start }) => start(begun));
