// Checks a ledger with code that its authors did not write: golang.org/x/mod/sumdb/note and .../tlog, as the Go command uses
// them for its checksum database. What they do not know, C2SP's file names and cosignatures, is spelled here from the
// specifications alone.
//
//	interop ledger FOLDER VKEY [WITNESS_VKEY]     the tiles and bundles lead to the signed root; prints every entry's number and hash
//	interop proof FILE ENTRY VKEY                 the tlog-proof is of that entry
//	interop grown FOLDER VKEY OLD_CHECKPOINT      the ledger grew from the old checkpoint; prints the path
//	interop sign NAME TEXT                        prints a fresh vkey and a note that it signed
//
// It prints what it found and exits with 0, or says what is wrong and exits with 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	args := os.Args[1:]
	switch {
	case len(args) >= 3 && args[0] == "ledger":
		ledger(args[1], args[2:]...)
	case len(args) == 4 && args[0] == "proof":
		proof(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "grown":
		grown(args[1], args[2], args[3])
	case len(args) == 3 && args[0] == "sign":
		sign(args[1], args[2])
	default:
		fail("usage: ledger, proof, grown or sign")
	}
}

func ledger(folder string, vkeys ...string) {
	tree := open(read(folder, "checkpoint"), vkeys...)
	reader := tlog.TileHashReader(tree, tiles(folder))
	root, err := tlog.TreeHash(tree.N, reader)
	check(err)
	if root != tree.Hash {
		fail("the tiles do not lead to the signed root")
	}
	for first := int64(0); first < tree.N; first += 1 << height {
		tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(min(1<<height, tree.N-first))}
		name := strings.Replace(path(tile), "tile/0/", "tile/entries/", 1)
		bundle := read(folder, name)
		var indexes []int64
		for number := first; number < first+int64(tile.W); number++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, number))
		}
		hashes, err := reader.ReadHashes(indexes)
		check(err)
		for number := first; number < first+int64(tile.W); number++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				fail("%s is cut", name)
			}
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2:length]
			bundle = bundle[length:]
			if tlog.RecordHash(entry) != hashes[number-first] {
				fail("entry %d is not the one whose hash stands in the tile", number)
			}
			fmt.Printf("%d %v\n", number, hashes[number-first])
		}
		if len(bundle) > 0 {
			fail("%s is too long", name)
		}
	}
}

func proof(file, entry, vkey string) {
	head, checkpoint, found := strings.Cut(string(read("", file)), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		fail("it is no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	check(err)
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		check(err)
		path = append(path, hash)
	}
	tree := open([]byte(checkpoint), vkey)
	check(tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(read("", entry))))
	fmt.Printf("entry %d of %d\n", index, tree.N)
}

func grown(folder, vkey, oldCheckpoint string) {
	tree, old := open(read(folder, "checkpoint"), vkey), open(read("", oldCheckpoint), vkey)
	path, err := tlog.ProveTree(tree.N, old.N, tlog.TileHashReader(tree, tiles(folder)))
	check(err)
	check(tlog.CheckTree(path, tree.N, tree.Hash, old.N, old.Hash))
	for _, hash := range path {
		fmt.Println(hash)
	}
}

func sign(name, text string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	check(err)
	signer, err := note.NewSigner(skey)
	check(err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	check(err)
	fmt.Printf("%s\n%s", vkey, signed)
}

// open is the tree that a checkpoint signs, where all of these keys signed it.
func open(checkpoint []byte, vkeys ...string) tlog.Tree {
	var known []note.Verifier
	for _, vkey := range vkeys {
		known = append(known, verifier(vkey))
	}
	opened, err := note.Open(checkpoint, note.VerifierList(known...))
	check(err)
	if len(opened.Sigs) != len(vkeys) {
		fail("%d of %d keys signed the checkpoint", len(opened.Sigs), len(vkeys))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != known[0].Name() {
		fail("it is no checkpoint of that ledger")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

// tiles reads C2SP's files for x/mod, which puts the height into their names.
func tiles(folder string) tlog.TileReader { return reader{folder} }

type reader struct{ folder string }

func (r reader) Height() int { return height }

func (r reader) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		found = append(found, read(r.folder, path(tile)))
	}
	return found, nil
}

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

// cosigner is a witness' key: c2sp.org/tlog-cosignature, cosignature/v1.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(c.key, []byte(message), signature[8:])
}

func verifier(vkey string) note.Verifier {
	name, rest, _ := strings.Cut(vkey, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	check(err)
	if len(key) == 33 && key[0] == 4 {
		digest := sha256.Sum256(bytes.Join([][]byte{[]byte(name), key}, []byte("\n")))
		return cosigner{name, binary.BigEndian.Uint32(digest[:]), key[1:]}
	}
	known, err := note.NewVerifier(vkey)
	check(err)
	return known
}

func read(folder, name string) []byte {
	content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	check(err)
	return content
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
