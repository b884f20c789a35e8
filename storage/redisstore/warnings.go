package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Warnings lists what of the servers' settings lets them forget, for the doctor command.
func (s *Store) Warnings(ctx context.Context) []string {
	var (
		mu       sync.Mutex
		warnings []string
	)
	err := s.forEachMaster(ctx, func(ctx context.Context, master redis.UniversalClient) error {
		info, err := master.Info(ctx).Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, warning := range s.warningsOf(parseInfo(info)) {
			if !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
		return nil
	})
	if err != nil {
		warnings = append(warnings, s.failure(ctx, "redis: its settings cannot be read", err).Error())
	}
	return warnings
}

func (s *Store) warningsOf(info map[string]string) []string {
	var warnings []string
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		warnings = append(warnings, fmt.Sprintf(
			"redis: maxmemory-policy is %q: a full server forgets grants and rate limits; set it to noeviction", policy))
	}
	if info["aof_enabled"] != "1" {
		warnings = append(warnings,
			"redis: the append-only file is off: a restart signs everybody out; set appendonly yes")
	}
	if replicas, _ := strconv.Atoi(info["connected_slaves"]); replicas < s.waitReplicas {
		warnings = append(warnings, fmt.Sprintf(
			"redis: %d replicas are connected and each decision waits for %d: nobody can sign in; add replicas or lower wait_replicas",
			replicas, s.waitReplicas))
	}
	return warnings
}

// parseInfo reads the reply of INFO.
func parseInfo(info string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	return values
}
