import { describe, expect, test } from 'vitest';
import { grantsOf, oidcOf } from './people-flags.ts';

describe('flags about people', () => {
  test('name an issuer, and what differs from the defaults', async () => {
    expect(await oidcOf({})).toBeUndefined();
    const oidc = { oidcIssuer: 'https://idp.example', oidcAudience: ['varve'] };
    expect(await oidcOf(oidc)).toEqual({ issuer: 'https://idp.example', audiences: ['varve'] });
    expect(await oidcOf({ ...oidc, oidcUsernameClaim: 'email', oidcGroupsPrefix: '' })).toMatchObject({
      usernameClaim: 'email',
      groupsPrefix: '',
    });
  });

  test.each([
    [{ oidcIssuer: 'http://idp.example', oidcAudience: ['varve'] }],
    [{ oidcIssuer: 'idp', oidcAudience: ['varve'] }],
    [{ oidcIssuer: 'https://idp.example' }],
    [{ oidcIssuer: 'https://idp.example', oidcAudience: ['varve'], oidcCaFile: '/no/such/file' }],
  ])('refuse %j', async (flags) => {
    await expect(oidcOf(flags)).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('give roles to groups', () => {
    expect(grantsOf({})).toEqual({ admin: [], operator: [], viewer: [] });
    expect(grantsOf({ grant: ['viewer=oidc:all', 'admin=cn=root,dc=x', 'viewer=b'] })).toEqual({
      admin: ['cn=root,dc=x'],
      operator: [],
      viewer: ['oidc:all', 'b'],
    });
    for (const wrong of ['root=x', 'admin', 'admin=', '=x']) {
      expect(() => grantsOf({ grant: [wrong] }), wrong).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
  });
});
