import { fileStoreSuite } from '../support/file-store-suite.ts';
import { freshStore } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  fileStoreSuite(async () => {
    const user = await freshStore(kind);
    return {
      fileStore: user.store.fileStore,
      [Symbol.asyncDispose]: () => user[Symbol.asyncDispose](),
    };
  });
});
