// A registry of container images in memory, with one image in it, on a free port of this machine.
// Prints its address once the image is there. With the argument "referrers" it lists what refers to
// an image; without, its clients have to keep that list under a tag.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
)

func main() {
	lists := len(os.Args) > 1 && os.Args[1] == "referrers"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	handler := registry.New(quiet, registry.WithReferrersSupport(lists))
	served := make(chan error)
	go func() { served <- http.Serve(listener, handler) }()
	address := listener.Addr().String()
	if err := crane.Push(empty.Image, address+"/app:v1"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(address)
	log.Fatal(<-served)
}
