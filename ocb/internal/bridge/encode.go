// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/confmap"
)

// ---- What came of expansions ------------------------------------------------------------------------

// expanded is a value that is an expansion whole, "${env:X}": a setting that is text takes the original.
type expanded struct {
	value    any
	original string
}

// originalKey is the key of the map that tells C of an expanded value (otc_document_take_originals).
const originalKey = "${}"

// taken is a text setting: confmap gives it the original of an expansion, which can be had in no other way. It stands behind "=".
type taken string

// UnmarshalScalar takes texts, and passes over everything else.
func (t *taken) UnmarshalScalar(value confmap.ScalarValue) error {
	if text, ok := value.GetRaw().(string); ok {
		*t = taken("=" + text)
	}
	return nil
}

// of is a value as what it is, or with its original.
func (t taken) of(value any) any {
	original, ok := strings.CutPrefix(string(t), "=")
	if !ok || value == original {
		return value
	}
	if _, ok := value.(time.Time); ok {
		return original // there is no setting that is a time
	}
	return expanded{value, original}
}

// grabbed is a map in a list.
type grabbed struct{ conf *confmap.Conf }

// Unmarshal keeps the map as it was read.
func (g *grabbed) Unmarshal(conf *confmap.Conf) error {
	g.conf = conf
	return nil
}

// takeOriginals puts the originals of expansions into what was read of `conf`.
func takeOriginals(conf *confmap.Conf, members map[string]any) {
	var texts map[string]taken
	var lists map[string][]taken
	var maps map[string][]grabbed
	// Errors are of members of the other kinds, which these leave out.
	_ = conf.Unmarshal(&texts)
	_ = conf.Unmarshal(&lists)
	_ = conf.Unmarshal(&maps)
	for key, member := range members {
		switch value := member.(type) {
		case map[string]any:
			if sub, err := conf.Sub(key); err == nil {
				takeOriginals(sub, value)
			}
		case []any:
			for i, item := range value {
				if in, ok := item.(map[string]any); ok && i < len(maps[key]) && maps[key][i].conf != nil {
					takeOriginals(maps[key][i].conf, in)
				} else if !ok && i < len(lists[key]) {
					value[i] = lists[key][i].of(item)
				}
			}
		default:
			members[key] = texts[key].of(value)
		}
	}
}

// ---- As text ----------------------------------------------------------------------------------------

// encode writes a configuration as JSON, which YAML holds, in the types that YAML gave its values: 1.0 stays no integer.
func encode(out *strings.Builder, value any) error {
	switch v := value.(type) {
	case nil:
		out.WriteString("null")
	case map[string]any:
		return encodeMap(out, v)
	case []any:
		out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := encode(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case float64:
		out.WriteString(number(v))
	case expanded:
		return encode(out, map[string]any{originalKey: []any{v.value, v.original}})
	case time.Time:
		// YAML made this of a text that is not quoted; the one for a date alone is known.
		if date := v.Truncate(24 * time.Hour); v.Location() != time.UTC || !v.Equal(date) {
			return fmt.Errorf("%s is a time: put the text into quotes", v.Format(time.RFC3339Nano))
		}
		return encode(out, v.Format(time.DateOnly))
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("a value of type %T cannot be read: %w", v, err)
		}
		out.Write(escape(text))
	}
	return nil
}

// escape writes what JSON may hold and YAML may not, so that YAML may.
func escape(text []byte) []byte {
	if !bytes.ContainsFunc(text, unprintable) {
		return text
	}
	var made []byte
	for _, r := range string(text) {
		if unprintable(r) {
			made = fmt.Appendf(made, `\u%04x`, r)
		} else {
			made = utf8.AppendRune(made, r)
		}
	}
	return made
}

func unprintable(r rune) bool {
	return r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff
}

func encodeMap(out *strings.Builder, members map[string]any) error {
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		out.Write(escape(name))
		out.WriteByte(':')
		if err := encode(out, members[key]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return ".nan"
	case math.IsInf(v, 1):
		return ".inf"
	case math.IsInf(v, -1):
		return "-.inf"
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}
