// Signs and verifies with the npm package `sigstore` and those that it consists of, which have no
// command for it. NODE_PATH says where they are.
//
//     sigstore.cjs sign FORM SIGNING_CONFIG TOKEN FILE BUNDLE
//     sigstore.cjs verify TRUSTED_ROOT IDENTITY ISSUER FILE BUNDLE
//     sigstore.cjs verify-by-tuf MIRROR ROOT IDENTITY ISSUER FILE BUNDLE
//
// FORM is messageSignature or dsseEnvelope; an envelope holds FILE as an in-toto statement.
'use strict';
const fs = require('fs');
const path = require('path');
const { bundleFromJSON, bundleToJSON } = require('@sigstore/bundle');
const { SigningConfig, TrustedRoot } = require('@sigstore/protobuf-specs');
const { bundleBuilderFromSigningConfig } = require('@sigstore/sign');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');
const { verify } = require('sigstore');

const json = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

// The package takes identities as patterns that may match anywhere.
const exactly = (text) => `^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;

// An envelope is verified without its file, so who uses it compares the subject, as here.
const payload = (bundle, file) => {
  const data = fs.readFileSync(file);
  if (!bundle.dsseEnvelope) return data;
  const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64'));
  const digest = require('crypto').createHash('sha256').update(data).digest('hex');
  if (!statement.subject.some((subject) => subject.digest.sha256 === digest)) {
    throw new Error('the statement is not about this file');
  }
  return undefined;
};

const commands = {
  sign: async (form, config, token, file, out) => {
    const builder = bundleBuilderFromSigningConfig({
      signingConfig: SigningConfig.fromJSON(json(config)),
      identityProvider: { getToken: async () => token },
      bundleType: form,
    });
    const type = form === 'dsseEnvelope' ? 'application/vnd.in-toto+json' : undefined;
    const bundle = await builder.create({ data: fs.readFileSync(file), type });
    fs.writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
  },
  verify: async (root, identity, issuer, file, out) => {
    const bundle = json(out);
    const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(json(root))));
    const entity = toSignedEntity(bundleFromJSON(bundle), payload(bundle, file));
    const policy = { subjectAlternativeName: exactly(identity), extensions: { issuer } };
    verifier.verify(entity, policy);
    console.log('verified');
  },
  'verify-by-tuf': async (mirror, root, identity, issuer, file, out) => {
    const options = {
      tufMirrorURL: mirror,
      tufRootPath: root,
      tufCachePath: path.join(process.env.HOME, 'tuf'),
      certificateIdentityEmail: exactly(identity),
      certificateIssuer: issuer,
    };
    const bundle = json(out);
    const data = payload(bundle, file);
    await (data ? verify(bundle, data, options) : verify(bundle, options));
    console.log('verified');
  },
};

const [, , command, ...args] = process.argv;
commands[command](...args).catch((error) => {
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
});
