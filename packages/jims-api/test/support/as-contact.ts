import type { ApiOptions } from '../../src/index.ts';

/** The header `x-contact` makes a contact of the caller; without it they are a service. */
export const byContactHeader: ApiOptions = {
  async authenticate(request) {
    const contactId = request.headers.get('x-contact');
    return contactId === null
      ? { kind: 'service', id: 'test' }
      : { kind: 'contact', contactId, id: `test:${contactId}` };
  },
};
