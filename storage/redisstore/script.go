package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// script is Lua on one key. The server knows it by its hash after the first use.
type script struct {
	source string
	*redis.Script
}

func newScript(source string) script { return script{source, redis.NewScript(source)} }

// call is one run of a script.
type call struct {
	script script
	key    string
	args   []any
	reply  *redis.Cmd
}

// run runs one script.
func (s *Store) run(ctx context.Context, c call) (any, error) {
	return c.script.Run(ctx, s.client, []string{c.key}, c.args...).Result()
}

// runAll runs scripts in one trip, in order where they lie on one server. What the caller reads from
// their replies is theirs alone: one may have happened and another not.
func (s *Store) runAll(ctx context.Context, calls ...*call) error {
	return runOn(ctx, s.client, calls, nil)
}

// decide runs a script that decides a single use, and returns once enough replicas have what it
// decided.
func (s *Store) decide(ctx context.Context, c call) (any, error) {
	if s.waitReplicas == 0 {
		return s.run(ctx, c)
	}
	// WAIT speaks of the connection's own writes, so both must go to one server's one connection.
	var server redis.Cmdable = s.client
	if s.cluster != nil {
		master, err := s.cluster.MasterForKey(ctx, c.key)
		if err != nil {
			return nil, err
		}
		server = master
	}
	var waited *redis.Cmd
	err := runOn(ctx, server, []*call{&c}, func(p redis.Pipeliner) {
		waited = p.Do(ctx, "wait", s.waitReplicas, replicaTimeout.Milliseconds())
	})
	if err != nil {
		return nil, err
	}
	if have, err := waited.Int(); err != nil || have < s.waitReplicas {
		return nil, fmt.Errorf("%w: %d of %d", errReplicas, have, s.waitReplicas)
	}
	return c.reply.Val(), nil
}

// runOn sends scripts by their hashes and, to a server that does not know them, again in full. also
// adds what must follow them on the connection.
func runOn(ctx context.Context, server redis.Cmdable, calls []*call, also func(redis.Pipeliner)) error {
	unknown, err := sendCalls(ctx, server, calls, also, func(p redis.Pipeliner, c *call) *redis.Cmd {
		return p.EvalSha(ctx, c.script.Hash(), []string{c.key}, c.args...)
	})
	if err != nil || len(unknown) == 0 {
		return err
	}
	_, err = sendCalls(ctx, server, unknown, also, func(p redis.Pipeliner, c *call) *redis.Cmd {
		return p.Eval(ctx, c.script.source, []string{c.key}, c.args...)
	})
	return err
}

// sendCalls returns the calls whose script the server does not know.
func sendCalls(
	ctx context.Context, server redis.Cmdable, calls []*call, also func(redis.Pipeliner),
	send func(redis.Pipeliner, *call) *redis.Cmd,
) (unknown []*call, err error) {
	commands, err := server.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, c := range calls {
			c.reply = send(p, c)
		}
		if also != nil {
			also(p)
		}
		return nil
	})
	if len(commands) == 0 {
		return nil, err
	}
	for _, command := range commands {
		if err := command.Err(); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			return nil, err
		}
	}
	for _, c := range calls {
		if c.reply.Err() != nil {
			unknown = append(unknown, c)
		}
	}
	return unknown, nil
}

// create makes a hash with an end (field i) unless a living one exists, and returns 1 when the hash
// is this call's: a client that lost the answer sends the same call, with the same nonce, again.
//
// ARGV: now, nonce, when the key expires (ms), then fields and values.
var create = newScript(`
local was = redis.call('HMGET', KEYS[1], 'i', 'n')
if was[1] and tonumber(was[1]) > tonumber(ARGV[1]) then
  return was[2] == ARGV[2] and 1 or 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'n', ARGV[2], unpack(ARGV, 4))
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
return 1`)

// created tells whether a run of create made the hash.
func created(reply any) bool { return reply == int64(1) }

// remove deletes a hash that the call with the nonce made.
//
// ARGV: nonce.
var remove = newScript(`
if redis.call('HGET', KEYS[1], 'n') == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1`)

// The first element of a decision's reply.
const (
	replyDone     = "done"
	replyConsumed = "consumed"
	replyExceeded = "exceeded"
	replyNone     = "none"
)

// decision splits the reply of a deciding script into its word and fields.
func decision(reply any, fields int) (string, []any, error) {
	elements, ok := reply.([]any)
	if !ok || len(elements) == 0 {
		return "", nil, errGarbage
	}
	word, ok := elements[0].(string)
	if !ok {
		return "", nil, errGarbage
	}
	switch {
	case (word == replyDone || word == replyConsumed) && len(elements) == fields+1,
		(word == replyNone || word == replyExceeded) && len(elements) == 1:
		return word, elements[1:], nil
	}
	return "", nil, errGarbage
}
