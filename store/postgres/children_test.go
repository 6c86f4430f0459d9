package postgres

// child names, in the environment, what a process started by a test is to do instead of testing.
const child = "ALERTSCRIBE_POSTGRES_TEST_CHILD"

var children = map[string]func(url string) error{}
