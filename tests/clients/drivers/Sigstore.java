// Signs and verifies with sigstore-java, a library without a command.
//
//     java -cp 'CLASSES:LIB/*' Sigstore sign TRUST TOKEN FILE BUNDLE
//     java -cp 'CLASSES:LIB/*' Sigstore verify TRUST IDENTITY ISSUER FILE BUNDLE
//
// TRUST is `files:FOLDER`, with the folder of `cairnd trust export`, or `tuf:ROOT:MIRROR`.

import dev.sigstore.AlgorithmRegistry.SigningAlgorithm;
import dev.sigstore.KeylessSigner;
import dev.sigstore.KeylessVerifier;
import dev.sigstore.SigningConfigProvider;
import dev.sigstore.TrustedRootProvider;
import dev.sigstore.VerificationOptions;
import dev.sigstore.VerificationOptions.CertificateMatcher;
import dev.sigstore.bundle.Bundle;
import dev.sigstore.oidc.client.OidcClients;
import dev.sigstore.oidc.client.TokenStringOidcClient;
import dev.sigstore.strings.StringMatcher;
import dev.sigstore.tuf.RootProvider;
import dev.sigstore.tuf.SigstoreTufClient;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

public class Sigstore {
  static Path file(String trust, String name) {
    return Path.of(trust.substring("files:".length()), name);
  }

  static SigstoreTufClient.Builder tuf(String trust) {
    String[] parts = trust.split(":", 3);
    return SigstoreTufClient.builder()
        .tufMirror(URI.create(parts[2]), RootProvider.fromFile(Path.of(parts[1])))
        .tufCacheLocation(Path.of("tuf"));
  }

  static TrustedRootProvider trustedRoot(String trust) {
    return trust.startsWith("tuf:")
        ? TrustedRootProvider.from(tuf(trust))
        : TrustedRootProvider.from(file(trust, "trusted_root.json"));
  }

  static SigningConfigProvider signingConfig(String trust) {
    return trust.startsWith("tuf:")
        ? SigningConfigProvider.from(tuf(trust))
        : SigningConfigProvider.from(file(trust, "signing_config.v0.2.json"));
  }

  static void sign(String[] args) throws Exception {
    var builder =
        KeylessSigner.builder()
            .trustedRootProvider(trustedRoot(args[1]))
            .signingConfigProvider(signingConfig(args[1]))
            .enableRekorV2(true)
            .signingAlgorithm(SigningAlgorithm.PKIX_ECDSA_P256_SHA_256)
            .forceCredentialProviders(OidcClients.of(TokenStringOidcClient.from(args[2])));
    try (var signer = builder.build()) {
      Files.writeString(Path.of(args[4]), signer.signFile(Path.of(args[3])).toJson());
    }
  }

  static void verify(String[] args) throws Exception {
    var verifier = KeylessVerifier.builder().trustedRootProvider(trustedRoot(args[1])).build();
    var who =
        CertificateMatcher.fulcio()
            .subjectAlternativeName(StringMatcher.string(args[2]))
            .issuer(StringMatcher.string(args[3]))
            .build();
    var options = VerificationOptions.builder().addCertificateMatchers(who).build();
    var bundle = Bundle.from(Path.of(args[5]), StandardCharsets.UTF_8);
    verifier.verify(Path.of(args[4]), bundle, options);
    System.out.println("verified");
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "sign" -> sign(args);
      case "verify" -> verify(args);
      default -> throw new IllegalArgumentException("wanted sign or verify");
    }
  }
}
