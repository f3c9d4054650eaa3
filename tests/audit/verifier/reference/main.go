// Checks an unpacked bundle with golang.org/x/mod/sumdb, the reference implementation of tiled logs and signed notes.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go FOLDER VKEY
//
// Prints what was checked and ends with 0; ends with 1 and says where when something does not hold.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func check(err error, what string) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
}

// tiles reads hash tiles as c2sp.org/tlog-tiles names them: without the height that the Go checksum database has in the path.
type tiles struct{ folder string }

func (t tiles) Height() int { return height }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		content, err := t.read(tile)
		if err != nil {
			return nil, err
		}
		found = append(found, content)
	}
	return found, nil
}

func (t tiles) read(tile tlog.Tile) ([]byte, error) {
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	path = strings.Replace(path, "tile/data/", "tile/entries/", 1)
	return os.ReadFile(filepath.Join(t.folder, path))
}

// open checks the note's signature and gives the tree that it names.
func open(raw []byte, key note.Verifier, what string) tlog.Tree {
	signed, err := note.Open(raw, note.VerifierList(key))
	check(err, what)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 3 || lines[0] != key.Name() {
		check(fmt.Errorf("not of %s", key.Name()), what)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, what)
	root, err := tlog.ParseHash(lines[2])
	check(err, what)
	return tlog.Tree{N: size, Hash: root}
}

// entries checks that the hash of every entry is in the tree, and the proof of a few.
func entries(folder string, tree tlog.Tree, reader tlog.HashReader) {
	at := int64(0)
	for at < tree.N {
		tile := tlog.Tile{H: height, L: -1, N: at >> height, W: 1 << height}
		if rest := tree.N - at; rest < int64(tile.W) {
			tile.W = int(rest)
		}
		content, err := (tiles{folder}).read(tile)
		check(err, tile.Path())
		for width := 0; width < tile.W; width++ {
			if len(content) < 2 || len(content)-2 < int(binary.BigEndian.Uint16(content)) {
				check(fmt.Errorf("cut off"), tile.Path())
			}
			end := 2 + int(binary.BigEndian.Uint16(content))
			entry(at, tlog.RecordHash(content[2:end]), tree, reader)
			content = content[end:]
			at++
		}
		if len(content) > 0 {
			check(fmt.Errorf("goes on after entry %d", at-1), tile.Path())
		}
	}
	fmt.Printf("%d entries\n", at)
}

func entry(at int64, leaf tlog.Hash, tree tlog.Tree, reader tlog.HashReader) {
	what := fmt.Sprintf("entry %d", at)
	stored, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, at)})
	check(err, what)
	if stored[0] != leaf {
		check(fmt.Errorf("its hash is not that in the tile"), what)
	}
	if at%97 == 0 || at == tree.N-1 {
		proof, err := tlog.ProveRecord(tree.N, at, reader)
		check(err, what)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, at, leaf), what)
	}
}

// checkpoints checks that the log grew from each kept checkpoint to the last.
func checkpoints(folder string, key note.Verifier, tree tlog.Tree, reader tlog.HashReader) {
	raw, err := os.ReadFile(filepath.Join(folder, "checkpoints.jsonl"))
	check(err, "checkpoints.jsonl")
	count := 0
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); count++ {
		var kept struct {
			Note string
			Size int64
		}
		what := fmt.Sprintf("checkpoint %d", count)
		check(json.Unmarshal(lines.Bytes(), &kept), what)
		old := open([]byte(kept.Note), key, what)
		if old.N != kept.Size {
			check(fmt.Errorf("size %d, its note says %d", kept.Size, old.N), what)
		}
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		check(err, what)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash), what)
	}
	fmt.Printf("%d checkpoints\n", count)
}

// receipts checks the proofs of a bundle that is about one object.
func receipts(folder string, key note.Verifier) {
	names, err := filepath.Glob(filepath.Join(folder, "proofs", "*.tlog-proof"))
	check(err, "proofs")
	leaves := leaves(folder)
	for _, name := range names {
		what := filepath.Base(name)
		raw, err := os.ReadFile(name)
		check(err, what)
		head, signed, _ := strings.Cut(string(raw), "\n\n")
		lines := strings.Split(head, "\n")
		index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		check(err, what)
		var proof tlog.RecordProof
		for _, line := range lines[2:] {
			hash, err := tlog.ParseHash(line)
			check(err, what)
			proof = append(proof, hash)
		}
		tree := open([]byte(signed), key, what)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaves[index]), what)
	}
	fmt.Printf("%d receipts\n", len(names))
}

func leaves(folder string) map[int64]tlog.Hash {
	raw, err := os.ReadFile(filepath.Join(folder, "events.jsonl"))
	check(err, "events.jsonl")
	found := map[int64]tlog.Hash{}
	for _, line := range bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n")) {
		var event struct {
			Index   int64
			Payload string
		}
		check(json.Unmarshal(line, &event), "events.jsonl")
		payload, err := base64.StdEncoding.DecodeString(event.Payload)
		check(err, "events.jsonl")
		found[event.Index] = tlog.RecordHash(payload)
	}
	return found
}

func main() {
	folder := os.Args[1]
	key, err := note.NewVerifier(os.Args[2])
	check(err, "key")
	raw, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	check(err, "checkpoint")
	tree := open(raw, key, "checkpoint")
	fmt.Printf("size %d\n", tree.N)
	if _, err := os.Stat(filepath.Join(folder, "proofs")); err == nil {
		receipts(folder, key)
		return
	}
	reader := tlog.TileHashReader(tree, tiles{folder})
	entries(folder, tree, reader)
	checkpoints(folder, key, tree, reader)
}
