// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// Config is a component's configuration. Its keys and values are C's to read: the field tables that the sidecar reads its
// configuration with say what is wrong, in the same words. Here it is kept as text, under the key that no setting has; the
// other keys are the paths of what is invalid, so that the Collector tells of each under its full path.
type Config map[string]any

const kept = ""

// settings is what is kept of a configuration.
type settings struct {
	factory *factory
	text    []byte
	checked bool
	whole   error // what is wrong, but at no key

	lock      sync.Mutex
	connector *core // the one state of a connector id, while it is created or runs
	pipelines int   // in which a processor stands
}

// invalid is what is wrong with a value.
type invalid string

func (i invalid) Validate() error { return errors.New(string(i)) }

func newConfig(f *factory) component.CreateDefaultConfigFunc {
	return func() component.Config {
		return &Config{kept: &settings{factory: f}}
	}
}

func settingsOf(config component.Config) (*settings, error) {
	if c, ok := config.(*Config); ok {
		if s, ok := (*c)[kept].(*settings); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("the configuration is a %T, and none that this factory made", config)
}

// Unmarshal takes the user's keys. The error is of keys and types; what is wrong with values is for validation.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	s, err := settingsOf(c)
	if err != nil {
		return err
	}
	keys := conf.ToStringMap()
	takeOriginals(conf, keys)
	var text strings.Builder
	if err := encode(&text, keys); err != nil {
		return err
	}
	s.text = []byte(text.String())
	return c.check(s)
}

// Validate looks at a configuration that nothing was read into; errors of values stand in the map, each at its path.
func (c *Config) Validate() error {
	s, err := settingsOf(c)
	if err != nil {
		return err
	}
	if !s.checked {
		if err := c.check(s); err != nil {
			return err
		}
	}
	return s.whole
}

// place stands before the key paths of errors, where the Collector puts the component's.
const place = "@"

func (c *Config) check(s *settings) error {
	if s.factory.unusable != nil {
		return s.factory.unusable
	}
	status, text := s.factory.check(s.text)
	s.checked, s.whole = true, nil
	*c = Config{kept: s}
	if status == C.OTC_OK {
		return nil
	}
	if status != C.OTC_FAILED_PRECONDITION {
		return errors.New(text)
	}
	for _, entry := range strings.Split(text, "\n"+place) {
		entry = strings.TrimPrefix(strings.TrimPrefix(entry, place), "::")
		path, what, found := strings.Cut(entry, ": ")
		if found && path != "" {
			(*c)[path] = invalid(what)
		} else {
			s.whole = errors.Join(s.whole, errors.New(strings.TrimPrefix(entry, ": ")))
		}
	}
	return nil
}

func (f *factory) check(text []byte) (C.otc_status, string) {
	var failure C.struct_otc_error
	path := C.CString(place)
	defer C.free(unsafe.Pointer(path))
	status := C.otc_bridge_check(f.c, chars(text), C.size_t(len(text)), path, &failure)
	return status, C.GoString(&failure.text[0])
}

// chars is a text of Go's for a call that takes its length too.
func chars(text []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(text)))
}
