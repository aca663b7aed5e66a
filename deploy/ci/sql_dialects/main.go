// Command sql_dialects reads SQL statements that end with a zero byte, parses each with TiDB's parser, which follows the
// grammar of MySQL 8, and prints those that it refuses, one a line. It ends with 1 when there were any.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"

	"github.com/pingcap/tidb/pkg/parser"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver"
)

func main() {
	statements := bufio.NewScanner(os.Stdin)
	statements.Buffer(nil, 1<<24)
	statements.Split(upToZero)
	judge, refused := parser.New(), 0
	for statements.Scan() {
		if _, _, err := judge.Parse(statements.Text(), "", ""); err != nil {
			fmt.Printf("%q: %q\n", statements.Text(), err.Error())
			refused = 1
		}
	}
	if err := statements.Err(); err != nil {
		fmt.Println(err)
		refused = 1
	}
	os.Exit(refused)
}

func upToZero(data []byte, atEOF bool) (int, []byte, error) {
	if end := bytes.IndexByte(data, 0); end >= 0 {
		return end + 1, data[:end], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
