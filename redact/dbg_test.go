package redact
import ("testing";"fmt";"os";"strings")
func TestDbg(t *testing.T) {
	b,_ := os.ReadFile(os.Getenv("DBG"))
	for _, l := range strings.Split(string(b),"\n") { if l=="" {continue}
		l = strings.NewReplacer(`\n`,"\n",`\e`,"\x1b",`\t`,"\t").Replace(l)
		fmt.Printf("%q\n   %q\n", l, redacted(t,l)) }
}
