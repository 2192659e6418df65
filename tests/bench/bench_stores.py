# SPDX-License-Identifier: Apache-2.0
"""Secret stores. `pull` of 500 ExternalSecrets of a `fake` store beside decrypting 500 leaves (at most 3 times as long), 40 keys
of a server that takes 50 ms beside one of them (8 times), and `publish --plan` of 100 unchanged files against a server that
takes 20 ms beside one of them (30 times). The server is the suite's of tests/acceptance/stores."""
import json
import os
import statistics
import sys

COUNT, KEYS, FILES = 500, 40, 100
AWS = {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}


def manifest(provider, count):
    """a SecretStore, and ExternalSecrets of one key each"""
    docs = [{"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "st"}, "spec": {"provider": provider}}]
    docs += [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "e%d" % i},
              "spec": {"secretStoreRef": {"name": "st"}, "data": [{"secretKey": "v", "remoteRef": {"key": "k%d" % i}}]}} for i in range(count)]
    return "\n---\n".join(json.dumps(d) for d in docs)


def median(b, args, runs=7):
    """seconds and MiB"""
    took = [b.run([b.opts.ours] + args, b.path("out.ours")) for _ in range(runs)]
    return statistics.median(t for t, _ in took), max(m for _, m in took)


def local(b):
    fake = {"fake": {"data": [{"key": "k%d" % i, "value": "value %d" % i} for i in range(COUNT)]}}
    clear = b.put("stores.yaml", "".join("k%d: value %d\n" % (i, i) for i in range(COUNT)))
    sealed = b.seal(["--age", b.recipient, clear], b.path("stores.enc.yaml"))
    decrypt, memory = median(b, ["decrypt", sealed])
    pull, peak = median(b, ["pull", b.put("fake.yaml", manifest(fake, COUNT))])
    b.row("stores: pull, %d of a fake store" % COUNT, pull, decrypt, peak, memory)


def servers(b):
    # Only now, as what this interpreter holds counts as the peak memory of what it starts.
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "acceptance", "stores"))
    import mocks
    with mocks.Server() as server:
        b.env.update(server.env())
        for i in range(KEYS):
            server.aws.put("eu-west-1", "k%d" % i, "x")
        server.delay = 0.05
        one, memory = median(b, ["pull", b.put("one.yaml", manifest(AWS, 1))], 3)
        many, peak = median(b, ["pull", b.put("many.yaml", manifest(AWS, KEYS))], 3)
        b.row("stores: pull, %d keys of 50 ms" % KEYS, many, one, peak, memory)
        server.delay = 0
        top = b.path("stores")
        os.makedirs(os.path.join(top, "secrets"))
        os.chdir(top)
        b.put("stores/.sops.yaml", "creation_rules:\n  - age: %s\ndestination_rules:\n  - aws_secretsmanager: {owner: shop, region: eu-west-1, prefix: app/}\n"
              % b.recipient)
        for i in range(FILES):
            b.put("stores/secrets/f%d.yaml" % i, "a: %d\n" % i)
            b.run([b.opts.ours, "encrypt", "-i", "secrets/f%d.yaml" % i], b.path("out.ours"))
        b.run([b.opts.ours, "publish", "--yes", "--recursive", "secrets"], b.path("out.ours"))
        server.delay = 0.02
        one, memory = median(b, ["publish", "--plan", "secrets/f0.yaml"], 3)
        many, peak = median(b, ["publish", "--plan", "--recursive", "secrets"], 3)
        b.row("stores: publish --plan, %d of 20 ms" % FILES, many, one, peak, memory)


def bench(b):
    local(b)
    servers(b)
