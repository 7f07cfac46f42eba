// Command grpc-client signs a text the way sigstore-java does it, over gRPC: it asks a CA for a
// certificate and a Rekor v2 log for an entry, with the messages and stubs that those two projects
// generate themselves, and checks what comes back.
//
// It prints a line for each call: the method, then what came of it.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	fulcio "github.com/sigstore/fulcio/pkg/generated/protobuf"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekor "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "grpc-client:", err)
		os.Exit(1)
	}
}

func run() error {
	address := flag.String("address", "", "host and port of the server")
	roots := flag.String("roots", "", "PEM file of the roots to trust for TLS; without it, no TLS")
	flag.Parse()
	token := os.Getenv("TOKEN")

	transport := insecure.NewCredentials()
	if *roots != "" {
		pool := x509.NewCertPool()
		file, err := os.ReadFile(*roots)
		if err != nil || !pool.AppendCertsFromPEM(file) {
			return errors.Join(errors.New("no roots"), err)
		}
		transport = credentials.NewTLS(&tls.Config{RootCAs: pool})
	}
	connection, err := grpc.NewClient(*address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := fulcio.NewCAClient(connection)
	leaf, err := certificate(ctx, ca, key, token)
	if err != nil {
		return err
	}
	if err := documents(ctx, ca, leaf); err != nil {
		return err
	}
	log := rekor.NewRekorClient(connection)
	if err := entry(ctx, log, key, leaf); err != nil {
		return err
	}
	return refusals(ctx, ca, log, token)
}

// certificate asks for one with the token in the message, then with the token beside it.
func certificate(
	ctx context.Context, ca fulcio.CAClient, key *ecdsa.PrivateKey, token string,
) (*x509.Certificate, error) {
	request, err := signingRequest(key, token)
	if err != nil {
		return nil, err
	}
	request.Credentials = nil
	beside := metadata.AppendToOutgoingContext(ctx, "oidcidentitytoken", token)
	if _, err := ca.CreateSigningCertificate(beside, request); err != nil {
		return nil, fmt.Errorf("with the token in the metadata: %w", err)
	}
	request.Credentials = credentialsOf(token)
	answer, err := ca.CreateSigningCertificate(ctx, request)
	if err != nil {
		return nil, err
	}
	chain := answer.GetSignedCertificateEmbeddedSct().GetChain().GetCertificates()
	if len(chain) < 2 {
		return nil, fmt.Errorf("a chain of %d certificates", len(chain))
	}
	var certificates []*x509.Certificate
	for _, text := range chain {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, errors.New("a certificate is not PEM")
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, parsed)
	}
	leaf := certificates[0]
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	if err := leaf.CheckSignatureFrom(certificates[1]); err != nil {
		return nil, err
	}
	fmt.Println("CreateSigningCertificate", strings.Join(leaf.EmailAddresses, " "))
	return leaf, nil
}

func signingRequest(
	key *ecdsa.PrivateKey, token string,
) (*fulcio.CreateSigningCertificateRequest, error) {
	subject, err := subjectOf(token)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(subject))
	proof, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return &fulcio.CreateSigningCertificateRequest{
		Credentials: credentialsOf(token),
		Key: &fulcio.CreateSigningCertificateRequest_PublicKeyRequest{
			PublicKeyRequest: &fulcio.PublicKeyRequest{
				PublicKey: &fulcio.PublicKey{
					Algorithm: fulcio.PublicKeyAlgorithm_ECDSA, Content: string(text),
				},
				ProofOfPossession: proof,
			},
		},
	}, nil
}

func credentialsOf(token string) *fulcio.Credentials {
	return &fulcio.Credentials{
		Credentials: &fulcio.Credentials_OidcIdentityToken{OidcIdentityToken: token},
	}
}

// subjectOf reads what the proof of possession signs: the address in the token.
func subjectOf(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("TOKEN is not a token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	var claims struct{ Email string }
	err = json.Unmarshal(payload, &claims)
	return claims.Email, err
}

// documents reads what the CA says of itself.
func documents(ctx context.Context, ca fulcio.CAClient, leaf *x509.Certificate) error {
	bundle, err := ca.GetTrustBundle(ctx, &fulcio.GetTrustBundleRequest{})
	if err != nil {
		return err
	}
	issuing, _ := pem.Decode([]byte(bundle.GetChains()[0].GetCertificates()[0]))
	issuer, err := x509.ParseCertificate(issuing.Bytes)
	if err != nil {
		return err
	}
	if err := leaf.CheckSignatureFrom(issuer); err != nil {
		return err
	}
	fmt.Println("GetTrustBundle", len(bundle.GetChains()))
	configuration, err := ca.GetConfiguration(ctx, &fulcio.GetConfigurationRequest{})
	if err != nil {
		return err
	}
	for _, issuer := range configuration.GetIssuers() {
		if issuer.GetIssuerUrl() == "" && issuer.GetWildcardIssuerUrl() == "" {
			return errors.New("an issuer without a URL")
		}
	}
	fmt.Println("GetConfiguration", len(configuration.GetIssuers()) > 0)
	return nil
}

// entry logs a signature by the certified key.
func entry(
	ctx context.Context, log rekor.RekorClient, key *ecdsa.PrivateKey, leaf *x509.Certificate,
) error {
	digest := sha256.Sum256([]byte("what is signed\n"))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	request := &rekor.CreateEntryRequest{
		Spec: &rekor.CreateEntryRequest_HashedRekordRequestV002{
			HashedRekordRequestV002: &rekor.HashedRekordRequestV002{
				Digest: digest[:],
				Signature: &rekor.Signature{
					Content: signature,
					Verifier: &rekor.Verifier{
						Verifier: &rekor.Verifier_X509Certificate{
							X509Certificate: &common.X509Certificate{RawBytes: leaf.Raw},
						},
						KeyDetails: common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
					},
				},
			},
		},
	}
	answer, err := log.CreateEntry(ctx, request)
	if err != nil {
		return err
	}
	proof := answer.GetInclusionProof()
	if answer.GetLogIndex() >= proof.GetTreeSize() || proof.GetCheckpoint().GetEnvelope() == "" {
		return errors.New("an entry without a proof")
	}
	if !strings.Contains(string(answer.GetCanonicalizedBody()), "hashedRekordV002") {
		return errors.New("another kind of entry")
	}
	kind := answer.GetKindVersion()
	fmt.Println("CreateEntry", kind.GetKind(), kind.GetVersion())
	return nil
}

// refusals shows the code of each kind of mistake.
func refusals(
	ctx context.Context, ca fulcio.CAClient, log rekor.RekorClient, token string,
) error {
	show := func(what string, err error) {
		refused := status.Convert(err)
		fmt.Println(what, refused.Code(), strings.SplitN(refused.Message(), ":", 2)[0])
	}
	_, err := ca.CreateSigningCertificate(ctx, &fulcio.CreateSigningCertificateRequest{
		Credentials: credentialsOf(token + "x"),
	})
	show("spoiled token:", err)
	_, err = ca.CreateSigningCertificate(ctx, &fulcio.CreateSigningCertificateRequest{
		Credentials: credentialsOf(token),
	})
	show("no key:", err)
	_, err = log.CreateEntry(ctx, &rekor.CreateEntryRequest{})
	show("empty request:", err)
	// An empty message is not compressed.
	unsigned := &rekor.CreateEntryRequest{
		Spec: &rekor.CreateEntryRequest_HashedRekordRequestV002{
			HashedRekordRequestV002: &rekor.HashedRekordRequestV002{Digest: make([]byte, 32)},
		},
	}
	_, err = log.CreateEntry(ctx, unsigned)
	show("unsigned request:", err)
	_, err = log.CreateEntry(ctx, unsigned, grpc.UseCompressor(gzip.Name))
	show("compressed request:", err)
	_, err = log.GetCheckpoint(ctx, &emptypb.Empty{})
	show("other method:", err)
	return nil
}
