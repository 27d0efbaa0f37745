package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// delimiter divides the parts of a path. It is not a dot, since names of services hold dots.
const delimiter = "/"

// variable leads the names of environment variables.
const variable = "ONETIMED_"

// Load reads the settings from flags, the environment and the file that the flag --config or ONETIMED_CONFIG names, and
// reports all that is wrong with them.
func Load(args, environ []string) (*Config, error) {
	flags, wrong := fromFlags(args)
	environment, badEnvironment := fromEnvironment(environ)
	wrong = errors.Join(wrong, badEnvironment)
	k := koanf.New(delimiter)
	if name := first(flags["config"], environment["config"]); name != "" {
		if err := loadFile(k, name); err != nil {
			return nil, errors.Join(wrong, err)
		}
	}
	for _, layer := range []map[string]any{environment, flags} {
		delete(layer, "config")
		if err := k.Load(confmap.Provider(layer, delimiter), nil); err != nil {
			return nil, errors.Join(wrong, errors.New("the environment and the flags contradict each other"))
		}
	}
	c, err := fromMap(k.All())
	if wrong = errors.Join(wrong, err); wrong != nil {
		return nil, wrong
	}
	return c, c.check()
}

func first(values ...any) string {
	for _, v := range values {
		if s, _ := v.(string); s != "" {
			return s
		}
	}
	return ""
}

// lineOf finds where in a file its parser stopped.
var lineOf = regexp.MustCompile(`line (\d+)`)

// loadFile loads a file. What the parser says may quote the file, secrets too: the line is told and no more.
func loadFile(k *koanf.Koanf, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	var parser koanf.Parser
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json": // a parser of YAML reads JSON, and refuses a name that comes twice
		parser = yaml.Parser()
	case ".toml":
		parser = toml.Parser()
	default:
		return fmt.Errorf("config: %s: want a name that ends in .yaml, .yml, .json or .toml", name)
	}
	if err := k.Load(rawbytes.Provider(text), parser); err != nil {
		where := ""
		if line := lineOf.FindString(err.Error()); line != "" {
			where = ", " + line
		}
		return fmt.Errorf("config: %s%s: is not well-formed, or has a name twice", name, where)
	}
	return nil
}

// fromFlags reads --path=value and --path value.
func fromFlags(args []string) (map[string]any, error) {
	values := map[string]any{}
	var wrong error
	for i := 0; i < len(args); i++ {
		name, is := strings.CutPrefix(args[i], "--")
		if !is || name == "" {
			wrong = errors.Join(wrong, fmt.Errorf("argument %d: want --SETTING=VALUE, such as --listen=127.0.0.1:8080", i+1))
			continue
		}
		name, value, found := strings.Cut(name, "=")
		if !found {
			if i++; i == len(args) {
				wrong = errors.Join(wrong, fmt.Errorf("--%s: want a value", name))
				continue
			}
			value = args[i]
		}
		path := name
		if !strings.HasPrefix(name, "services/") && !strings.HasPrefix(name, "callers/") {
			path = strings.ReplaceAll(name, "-", "_")
		}
		if _, twice := values[path]; twice {
			wrong = errors.Join(wrong, fmt.Errorf("--%s: is given twice", name))
		}
		values[path] = value
	}
	return values, wrong
}

// ofKubernetes matches what Kubernetes sets for services whose names begin with onetimed: addresses, and no settings.
var ofKubernetes = regexp.MustCompile(`^([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// fromEnvironment reads variables of the form NAME=value.
func fromEnvironment(environ []string) (map[string]any, error) {
	values := map[string]any{}
	var wrong error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		name, is := strings.CutPrefix(name, variable)
		if !is || ofKubernetes.MatchString(name) {
			continue
		}
		path := strings.ToLower(strings.ReplaceAll(name, "__", delimiter))
		if _, twice := values[path]; twice {
			wrong = errors.Join(wrong, fmt.Errorf("%s%s: is set twice, in capital and small letters", variable, name))
		}
		values[path] = value
	}
	return values, wrong
}

// fromMap makes settings of values by their paths, over the defaults.
func fromMap(values map[string]any) (*Config, error) {
	c := &Config{Services: map[string]*Service{}, Callers: map[string]*Caller{}}
	for _, s := range settings {
		if s.Default != "" {
			if err := s.set(c, s.Default); err != nil {
				return nil, fmt.Errorf("the default of %s: %w", s.Path, err)
			}
		}
	}
	var wrong error
	for _, path := range slices.Sorted(maps.Keys(values)) {
		if err := c.set(path, values[path]); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", path, err))
		}
	}
	return c, wrong
}

// nameOf is what services and callers are called.
var nameOf = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// set sets what a path names.
func (c *Config) set(path string, value any) error {
	group, rest, _ := strings.Cut(path, delimiter)
	name, rest, _ := strings.Cut(rest, delimiter)
	switch {
	case group != "services" && group != "callers":
		return setIn(c, settings, path, value)
	case name == "":
		if isEmpty(value) {
			return nil
		}
		return errors.New("want names, and below each its settings")
	case !nameOf.MatchString(name):
		return errors.New("want a name of 1 to 64 of a-z 0-9 . _ -, the first a letter or digit")
	case group == "services":
		if c.Services[name] == nil {
			c.Services[name] = newService(name)
		}
		if rest == "" && isEmpty(value) {
			return nil
		}
		return setIn(c.Services[name], serviceSettings, rest, value)
	}
	if c.Callers[name] == nil {
		c.Callers[name] = &Caller{}
	}
	if rest == "" && isEmpty(value) {
		return nil
	}
	return setIn(c.Callers[name], callerSettings, rest, value)
}

func isEmpty(value any) bool {
	m, is := value.(map[string]any)
	return value == nil || is && len(m) == 0
}

// newService returns a service that goes by the defaults. What is nil or zero goes by those of the library.
func newService(name string) *Service {
	return &Service{Purpose: name, Lifetime: 15 * time.Minute}
}

func setIn[T any](target *T, table []setting[T], path string, value any) error {
	for _, s := range table {
		if s.Path == path {
			if value == nil {
				return errors.New("has no value")
			}
			return s.set(target, value)
		}
		if strings.HasPrefix(s.Path, path+delimiter) {
			if isEmpty(value) {
				return nil
			}
			return errors.New("want its settings below it")
		}
	}
	return errors.New("there is no such setting")
}
