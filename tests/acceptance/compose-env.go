// SPDX-License-Identifier: Apache-2.0

// compose-env FILE: what docker compose reads in a dotenv file, as JSON.
package main

import (
	"encoding/json"
	"os"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

func main() {
	values, err := dotenv.ReadWithLookup(func(string) (string, bool) { return "", false }, os.Args[1])
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(values)
}
