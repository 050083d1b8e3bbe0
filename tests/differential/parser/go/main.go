// Reads requests as Go servers do: net/http with mime/multipart and net/url, encoding/json into a
// struct, which folds keys, and into a map. Batches are split by mime/multipart, and net/http reads
// their parts.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
)

type request struct {
	Method, Target, Body string
	Headers, Trailers    [][2]string
	Locations            []string
	Container            bool
	Operations           []any
}

// The results of one request. result.mjs describes the locations in locations.
type parserResult struct {
	locations []string
	Reads     [][2]string `json:"reads"`
	Rejects   []string    `json:"rejects"`
	Paths     []string    `json:"paths"`
	Nested    [][2]any    `json:"nested"`
}

// A request that a parser found in a batch.
type unpacked struct {
	Method  string      `json:"method"`
	Target  string      `json:"target"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
}

func (r *parserResult) note(parser, text string) { r.Reads = append(r.Reads, [2]string{parser, text}) }
func (r *parserResult) reject(parser string)     { r.Rejects = append(r.Rejects, parser) }

func (r *parserResult) at(parser string, value any, keys []string) {
	if len(keys) == 0 {
		if text, is := value.(string); is {
			r.note(parser, text)
		}
		return
	}
	switch value := value.(type) {
	case []any:
		if keys[0] == "*" {
			for _, one := range value {
				r.at(parser, one, keys[1:])
			}
		}
	case map[string]any:
		for key, one := range value {
			if keys[0] == "*" || keys[0] == key {
				r.at(parser, one, keys[1:])
			}
		}
	}
}

func (r *parserResult) document(parser string, value any) {
	for _, location := range r.locations {
		if outer, inner, is := strings.Cut(location, "~"); is {
			r.coded(parser, value, strings.Split(outer, "/"), strings.Split(inner, "/"))
		} else if !strings.ContainsAny(location, "#!") {
			r.at(parser, value, strings.Split(location, "/"))
		}
	}
}

// Go skips line ends in Base64 and rejects everything else that is not in the alphabet.
var decoders = map[string]*base64.Encoding{
	"b64-go": base64.StdEncoding, "b64-go-raw": base64.RawStdEncoding, "b64-go-url": base64.URLEncoding, "b64-go-raw-url": base64.RawURLEncoding,
}

func (r *parserResult) coded(parser string, value any, outer, inner []string) {
	for _, key := range outer {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	switch value := value.(type) {
	case map[string]any:
		r.at(parser, value, inner)
	case string:
		for name, decoder := range decoders {
			var whole any
			plain, err := decoder.DecodeString(value)
			if err != nil || json.Unmarshal(plain, &whole) != nil {
				r.reject(name)
			} else {
				r.at(parser+"-"+name, whole, inner)
			}
		}
	}
}

// The keys that a server declares. Go matches them without regard to case.
type chat struct {
	Model     any   `json:"model"`
	Models    any   `json:"models"`
	Fallbacks any   `json:"fallbacks"`
	Session   *chat `json:"session"`
	Agent     *chat `json:"agent"`
	Data      any   `json:"data"`
	Svg       *chat `json:"svg"`
	Body      *chat `json:"body"`
	Params    *chat `json:"params"`
	Tools     []struct {
		Model any `json:"model"`
	} `json:"tools"`
	Requests []struct {
		Params *chat `json:"params"`
	} `json:"requests"`
}

func (c *chat) value() map[string]any {
	whole := map[string]any{"model": c.Model, "models": c.Models, "fallbacks": c.Fallbacks, "data": c.Data}
	for key, inner := range map[string]*chat{"session": c.Session, "agent": c.Agent, "svg": c.Svg, "body": c.Body, "params": c.Params} {
		if inner != nil {
			whole[key] = inner.value()
		}
	}
	var tools, requests []any
	for _, tool := range c.Tools {
		tools = append(tools, map[string]any{"model": tool.Model})
	}
	for _, one := range c.Requests {
		if one.Params != nil {
			requests = append(requests, map[string]any{"params": one.Params.value()})
		}
	}
	whole["tools"], whole["requests"] = tools, requests
	return whole
}

func (r *parserResult) json(body []byte) {
	var typed chat
	if json.Unmarshal(body, &typed) != nil {
		r.reject("go-struct")
	} else {
		r.document("go-struct", typed.value())
	}
	var whole any
	if json.Unmarshal(body, &whole) != nil {
		r.reject("go-map")
	} else {
		r.document("go-map", whole)
	}
	// A decoder on a stream reads the first document and leaves the rest.
	var first chat
	if json.NewDecoder(bytes.NewReader(body)).Decode(&first) == nil {
		r.document("go-stream", first.value())
	}
}

func (r *parserResult) nested(text, location string) {
	var typed chat
	if json.Unmarshal([]byte(text), &typed) == nil {
		r.at("go-form", typed.value(), strings.Split(location, "/"))
	}
}

func (r *parserResult) form(values map[string][]string) {
	batch := false
	for _, purpose := range values["purpose"] {
		batch = batch || strings.TrimSpace(purpose) == "batch"
	}
	for _, location := range r.locations {
		if strings.Contains(location, "~") {
			continue
		}
		end := strings.IndexAny(location, "#!")
		field := location
		if end >= 0 {
			field = location[:end]
		}
		parts := strings.Split(strings.ReplaceAll(field, "/*", "/"), "/")
		name := parts[0]
		for _, part := range parts[1:] {
			name += "[" + part + "]"
		}
		for _, value := range append(values[name], values[name+"[]"]...) {
			switch {
			case end < 0:
				r.note("go-form", value)
			case location[end] == '!':
				r.nested(value, location[end+1:])
			case batch:
				for _, line := range strings.Split(value, "\n") {
					r.nested(line, location[end+1:])
				}
			}
		}
	}
}

// Reads each part of a batch: the length gives its body, or the end of the part if there is no
// length. Bytes after the body are read as the next request, as on a connection.
func (r *parserResult) unpack(kind string, body []byte) {
	_, parameters, err := mime.ParseMediaType(kind)
	if err != nil || parameters["boundary"] == "" {
		r.reject("go-mixed")
		return
	}
	found := []unpacked{}
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(part)
		}
		if err != nil {
			r.reject("go-mixed")
			return
		}
		left := bufio.NewReader(bytes.NewReader(content))
		for first := true; ; first = false {
			got, err := http.ReadRequest(left)
			if err != nil && first {
				r.reject("go-mixed")
			}
			if err != nil {
				break
			}
			one := unpacked{Method: got.Method, Target: got.RequestURI, Headers: [][2]string{}}
			for name, values := range got.Header {
				for _, value := range values {
					one.Headers = append(one.Headers, [2]string{name, value})
				}
			}
			inner, err := io.ReadAll(got.Body)
			if err != nil {
				r.reject("go-mixed")
			}
			if got.ContentLength == 0 && got.Header.Get("Content-Length") == "" && len(got.TransferEncoding) == 0 {
				rest, _ := io.ReadAll(left)
				inner = append(inner, rest...)
				left = bufio.NewReader(bytes.NewReader(rest))
			}
			one.Body = base64.StdEncoding.EncodeToString(inner)
			found = append(found, one)
		}
	}
	r.Nested = append(r.Nested, [2]any{"go-mixed", found})
}

func (r *parserResult) query(query string) {
	// Pairs that fail to parse are left out, the others kept.
	values, _ := url.ParseQuery(query)
	for _, value := range append(values["model"], values["model[]"]...) {
		r.note("go-query", value)
	}
}

func read(asked request) *parserResult {
	r := &parserResult{locations: asked.Locations, Reads: [][2]string{}, Rejects: []string{}, Paths: []string{}, Nested: [][2]any{}}
	body, _ := base64.StdEncoding.DecodeString(asked.Body)
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: h\r\n", asked.Method, asked.Target)
	for _, header := range asked.Headers {
		fmt.Fprintf(&head, "%s: %s\r\n", header[0], header[1])
	}
	if len(asked.Trailers) > 0 {
		fmt.Fprintf(&head, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n", len(body), body)
		for _, trailer := range asked.Trailers {
			fmt.Fprintf(&head, "%s: %s\r\n", trailer[0], trailer[1])
		}
		head.WriteString("\r\n")
	} else {
		fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head.String())))
	if err != nil {
		r.reject("go-head")
		return r
	}
	r.Paths = append(r.Paths, got.URL.Path, path.Clean(got.URL.Path))
	r.query(got.URL.RawQuery)
	for _, value := range got.Header["X-Model"] {
		r.note("go-header", value)
	}
	if len(asked.Trailers) > 0 {
		// The trailers are known once the body is read.
		whole, _ := io.ReadAll(got.Body)
		got.Body = io.NopCloser(bytes.NewReader(whole))
		for name, values := range got.Trailer {
			if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "x-model") {
				for _, value := range values {
					r.note("go-trailer-header", value)
				}
			}
		}
	}
	if len(body) == 0 {
		return r
	}
	if asked.Container {
		r.unpack(got.Header.Get("Content-Type"), body)
	}
	r.json(body)
	kind := strings.ToLower(got.Header.Get("Content-Type"))
	if strings.Contains(kind, "form") || strings.Contains(kind, "multipart") {
		// ParseForm reads only urlencoded bodies, and only of methods with a body.
		if got.Method != "PUT" && got.Method != "PATCH" {
			got.Method = "POST"
		}
		if got.ParseMultipartForm(32<<20) != nil && got.MultipartForm == nil && len(got.PostForm) == 0 {
			r.reject("go-form")
		}
		values := map[string][]string(got.PostForm)
		if values == nil {
			values = map[string][]string{}
		}
		if got.MultipartForm != nil {
			for name, files := range got.MultipartForm.File {
				for _, file := range files {
					if opened, err := file.Open(); err == nil {
						content, _ := io.ReadAll(opened)
						values[name] = append(values[name], string(content))
						opened.Close()
					}
				}
			}
		}
		r.form(values)
	}
	return r
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		answer := []byte(`{"ready":true}`)
		if json.Unmarshal(line, &asked) == nil && len(asked.Operations) == 0 {
			answer, _ = json.Marshal(read(asked))
		}
		out.Write(append(answer, '\n'))
		out.Flush()
	}
}
