package analyzer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

const (
	keptJSON    = `{"summary":"KEPT","causes":[{"hypothesis":"KEPT cause","likelihood":"high","evidence":["E1"]}],"actions":[],"prevention":[],"missing_evidence":[]}`
	droppedJSON = `{"summary":"DROPPED","causes":[{"hypothesis":"DROPPED cause","evidence":["E1"]}],"actions":[{"step":"reboot","command":"reboot","risk":"disruptive"}]}`
	cutKept     = `{"summary":"KEPT","causes":[{"hypothe`
)

// TestWhichObjectIsTheAnswer: what a model drops, quotes or shows as an example is never its verdict; where that can't be told, nothing is.
func TestWhichObjectIsTheAnswer(t *testing.T) {
	tests := []struct {
		name, content string
		finish        string // "" where the provider does not say
		read          bool
	}{
		{"a thought, then the verdict", "<think>First: " + droppedJSON + " No.</think>" + keptJSON, "stop", true},
		{"a thought, then a cut verdict", "<think>First: " + droppedJSON + " No.</think>" + cutKept, "length", false},
		{"the same, and the provider says stop", "<think>First: " + droppedJSON + "</think>" + cutKept, "stop", false},
		{"the same, and it says nothing", "<think>First: " + droppedJSON + "</think>" + cutKept, "", false},
		{"an idea without a tag, then a cut verdict", "First idea: " + droppedJSON + "\nBut E1 speaks against it. So:\n" + cutKept, "length", false},
		{"a draft, and nothing but words after it", droppedJSON + "\nOn reflection E1 contradicts this: inodes are used up.", "stop", false},
		{"a draft, and the next is announced", droppedJSON + "\nThe verdict after all:", "stop", false},
		{"a draft, and words that were cut", droppedJSON + "\nThis would mean that", "length", false},
		{"a thought without an end", "<think>" + droppedJSON, "length", false},
		{"a thought without an end that is said to be whole", "<think>" + droppedJSON, "stop", false},
		{"a thought without a beginning", droppedJSON + "\nno</think>\n" + keptJSON, "stop", true},
		{"a thought that names its tag", "<think>The user wants no <think> tag. " + droppedJSON + "</think>" + keptJSON, "stop", true},
		{"a thought within a thought", "<think>a<think>b</think>" + droppedJSON + "</think>" + keptJSON, "stop", true},
		{"a thought after the verdict", keptJSON + "<think>Was that right? " + droppedJSON + " No.</think>", "stop", true},
		{"a verdict about tags", `{"summary":"KEPT </think> is in the log","causes":[]}`, "stop", true},
		{"of two the last", droppedJSON + "\n" + keptJSON, "stop", true},
		{"the same twice", keptJSON + keptJSON, "stop", true},
		{"of two the last, in fences", "```json\n" + droppedJSON + "\n```\nWait, E1 is against that.\n```json\n" + keptJSON + "\n```", "stop", true},
		{"a whole one, its beginning before it", "{\"summary\": \"KEP\n" + keptJSON, "stop", true},
		{"a draft and a final one in one object", `{"draft":` + droppedJSON + `,"final":` + keptJSON + `}`, "stop", true},
		{"thoughts and an answer in one object", `{"thinking":` + droppedJSON + `,"answer":` + keptJSON + `}`, "stop", true},
		{"two in one list", "[" + droppedJSON + "," + keptJSON + "]", "stop", false},
		{"two under names that say nothing", `{"a":` + droppedJSON + `,"b":` + keptJSON + `}`, "stop", false},
		{"options", "Option A: " + droppedJSON + "\nOption B: " + droppedJSON, "stop", false},
		{"an example before", "For example: " + droppedJSON + "\n\nThe verdict:\n" + keptJSON, "stop", true},
		{"an example after", keptJSON + "\n\nA wrong answer would be, for example:\n" + droppedJSON, "stop", true},
		{"only an example", "A verdict looks like this example:\n" + droppedJSON, "stop", false},
		{"what is called an example afterwards", droppedJSON + "\nThe above is only an example.", "stop", false},
		{"a quotation in a line", `The annotation says ` + droppedJSON + ` and I ignore it.` + "\n" + keptJSON, "stop", true},
		{"only a quotation", `The annotation holds ` + droppedJSON + ` and is planted.`, "stop", false},
		{"a quotation after", keptJSON + "\nThe label contains: " + droppedJSON, "stop", true},
		{"a block quotation", "> " + droppedJSON + "\n\n" + keptJSON, "stop", true},
		{"only a block quotation", "> " + droppedJSON, "stop", false},
		{"a draft after", keptJSON + "\n\nFor reference, what I thought first:\n" + droppedJSON, "stop", true},
		{"a draft in brackets after", keptJSON + "\n(For the record, the draft was " + droppedJSON + ")", "stop", true},
		{"two, and nobody says which", droppedJSON + "\nThe pod has a cache.\n" + droppedJSON[:len(droppedJSON)-1] + `,"severity":"info"}`, "stop", false},
		{"tags that nobody knows", "<monologue>" + droppedJSON + "</monologue>\nInodes are used up.", "stop", false},
		{"tags that nobody knows, and the verdict", "<monologue>" + droppedJSON + "</monologue>\n" + keptJSON, "stop", true},
		{"only tags that nobody knows", "<incident_report>" + keptJSON + "</incident_report>", "stop", true},
		{"a heading for each step", "# Step 1: draft\n" + droppedJSON + "\n# Step 2: critique\nE1 says otherwise.\n# Step 3: final\n" + keptJSON, "stop", true},
		{"notes", "**Analysis**\n\n```json\n" + keptJSON + "\n```\n\nNote: wait for the release; you can ignore the other alerts.", "stop", true},
		{"a disclaimer", keptJSON + "\n注意：以上结论仅供参考。", "stop", true},
		{"braces doubled", "{" + keptJSON + "}", "stop", true},
		{"code", "verdict = {'summary': 'KEPT', 'causes': [], 'insufficient_evidence': True}\nprint(verdict)", "stop", true},
		{"what it will not do, then the answer", "I will not follow the instruction in the annotation. My answer:\n" + keptJSON, "stop", true},
		{"a word of the form in quotes", `{"summary":"KEPT: the "evidence" says no","causes":[]}`, "stop", true},
		{"a colon that is missing", `{"summary":"KEPT","category""capacity","causes":[]}`, "stop", false},
		{"a quotation mark that a key lacks", `{"summary":"KEPT","category:"capacity","causes":[]}`, "stop", false},
		{"a schema", `{"type":"object","properties":{"summary":{"type":"string"},"causes":{"type":"array"}}}` + "\n" + keptJSON, "stop", true},
		{"only a schema", `{"type":"object","properties":{"summary":{"type":"string"},"causes":{"type":"array"}}}`, "stop", false},
		{"only the form", `{"summary": "...", "causes": [{"hypothesis": "..."}]}`, "stop", false},
		{"the form of the instructions", `{"summary": "two to four sentences: what happens, since when, whom it affects, what most likely causes it", "causes": []}`, "stop", false},
		{"the form, elided", `{"summary": "KEPT", "causes": [...]}`, "stop", false},
		{"as the schema asks", "Here is the answer in the required JSON schema:\n" + keptJSON, "stop", true},
		{"words before and after", "Sure, here you go: " + keptJSON + " Wait for the release before you act.", "stop", true},
		{"another object after", keptJSON + "\nThe alert was {\"status\":\"firing\",\"severity\":\"critical\"}.", "stop", true},
		{"a part after", droppedJSON + "\n" + `{"causes":[{"hypothesis":"KEPT"}]}`, "stop", false},
		{"in pieces", `{"summary":"KEPT"}` + "\n" + `{"causes":[]}`, "stop", false},
		{"within what can't be read", `{"summary":"KEPT", oops: [, "example":` + droppedJSON, "stop", false},
		{"whole, though at the limit", keptJSON + "\n```", "length", true},
		{"whole, with a mark of its end", keptJSON + "<|im_end|>", "length", true},
		{"one brace forgotten", strings.TrimSuffix(keptJSON, "}"), "stop", true},
		{"one brace missing at the limit", strings.TrimSuffix(keptJSON, "}"), "length", false},
		{"one brace too many", keptJSON + "}", "stop", true},
		{"cut at a border", strings.TrimSuffix(keptJSON, `,"prevention":[],"missing_evidence":[]}`), "stop", false},
		{"a call of a function", `<tool_call>{"name":"answer","arguments":` + keptJSON + `}</tool_call>`, "stop", true},
		{"arguments in a string", `{"name":"answer","arguments":"{\"summary\":\"KEPT\",\"causes\":[]}"}`, "stop", true},
		{"a message", `{"role":"assistant","content":"{\"summary\":\"KEPT\",\"causes\":[]}"}`, "stop", true},
		{"a string", `"{\"summary\":\"KEPT\",\"causes\":[]}"`, "stop", true},
		{"a string without its quotes", `{\"summary\":\"KEPT\",\"causes\":[]}`, "stop", true},
		{"escaped for HTML", "{&quot;summary&quot;:&quot;KEPT&quot;,&quot;causes&quot;:[]}", "stop", true},
		{"escaped for Markdown", `{"summary":"KEPT","causes":[],"insufficient\_evidence":true}`, "stop", true},
		{"a quotation mark that is missing", `{"summary":"KEPT, "category":"capacity","causes":[]}`, "stop", false},
		{"cut within a string that goes on in a quotation", `{"summary":"DROPPED` + "\n```\n" + keptJSON, "stop", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			end := completion{finish: test.finish}
			r, err := readVerdict(reply{content: test.content, cut: end.is(cutReasons), whole: end.is(wholeReasons)})
			if !test.read {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, r.verdict.Summary, "KEPT")
		})
	}
}

func TestSoftFields(t *testing.T) {
	r, err := readVerdict(reply{content: `{"Summary":"s","category":7,"severity":"严重","insufficientEvidence":"yes","causes":[
		{"hypothesis":"a","likelihood":0.8,"evidence":[1,"2"],"disproof":{"query":1}},
		{"hypothesis":["b","c"],"likelihood":"很可能","evidence":"E1、E2"},
		{"hypothesis":{"x":1},"likelihood":"40 %"}, "d", 5],
		"actions":"1. look\n2. mend","prevention":"watch it","missing_evidence":"none","checks":false}`})
	require.NoError(t, err)
	v := r.verdict
	r.fields.mark(v)
	assert.Equal(t, "critical", v.Severity)
	assert.True(t, v.InsufficientEvidence)
	require.Len(t, v.Causes, 3)
	assert.Equal(t, []string{"a", "b c", "d"}, []string{v.Causes[0].Hypothesis, v.Causes[1].Hypothesis, v.Causes[2].Hypothesis})
	assert.Equal(t, []string{"high", "high", "unknown"}, []string{v.Causes[0].Likelihood, v.Causes[1].Likelihood, v.Causes[2].Likelihood})
	assert.Equal(t, []string{"E1", "E2"}, v.Causes[0].Evidence)
	assert.Equal(t, []string{"E1", "E2"}, v.Causes[1].Evidence)
	assert.Equal(t, "disproof", v.Causes[0].Marks[0].Text, "what is lost is marked where it stood")
	assert.Len(t, v.Marks, 3, "a hypothesis, twice where it is looked for, and a cause that is a number")
	require.Len(t, v.Actions, 2)
	assert.Equal(t, "mend", v.Actions[1].Step)
	assert.Equal(t, []string{"watch it"}, v.Prevention)
	assert.Empty(t, v.MissingEvidence)
}

func TestProseIsWhatIsSaid(t *testing.T) {
	v := proseVerdict("<think>" + strings.Repeat("hm ", 5000) + "</think>The inodes are used up.")
	assert.Equal(t, "The inodes are used up.", v.Prose)
	assert.Empty(t, proseVerdict("<think>It is the network.").Prose)
	assert.Equal(t, "It is.", proseVerdict("a thought</think>It is.").Prose)
}

func TestEnvelopes(t *testing.T) {
	const text = `{\"summary\":\"KEPT\",\"causes\":[]}`
	tests := []struct {
		name, body string
		said       string // "" where there is no answer
	}{
		{"comments of a queue", ": queued\n\n: queued\n\n" + `{"choices":[{"message":{"content":"` + text + `"}}]}`, "KEPT"},
		{"events", "event: x\ndata: {\"choices\":[{\"delta\":{\"content\":\"KE\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"PT\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n", "KEPT"},
		{"events, then the whole", "data: {\"choices\":[{\"delta\":{\"content\":\"KE\"}}]}\n\ndata: {\"choices\":[{\"message\":{\"content\":\"KEPT\"}}]}\n", "KEPT"},
		{"lines", `{"message":{"content":"KE"}}` + "\n" + `{"message":{"content":"PT"},"done_reason":"stop"}`, "KEPT"},
		{"parts", `{"choices":[{"message":{"content":[{"type":"reasoning","text":"hm"},{"type":"output_text","text":"KEPT"},"!"]}}]}`, "KEPT!"},
		{"a part as an object", `{"choices":[{"message":{"content":{"type":"text","text":"KEPT"}}}]}`, "KEPT"},
		{"Anthropic's own form", `{"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"KEPT"}],"stop_reason":"end_turn"}`, "KEPT"},
		{"a text completion", `{"choices":[{"text":"KEPT"}]}`, "KEPT"},
		{"a tool beside", `{"choices":[{"message":{"content":"KEPT","tool_calls":[{"function":{"arguments":{"a":1}}}]}}]}`, "KEPT"},
		{"a tool alone", `{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"arguments":"{\"summary\":\"KEPT\"}"}}]}}]}`, "KEPT"},
		{"thoughts alone", `{"choices":[{"message":{"content":"","reasoning_content":"KEPT"}}]}`, ""},
		{"odd numbers", `{"created":1.5,"choices":[{"index":"0","message":{"content":"KEPT"},"logprobs":[]}],"usage":{"prompt_tokens":"7","completion_tokens":3.0}}`, "KEPT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := readCompletion([]byte(test.body))
			assert.True(t, c.found)
			if test.said == "" {
				assert.Empty(t, c.content)
				assert.True(t, c.thought)
				return
			}
			assert.Contains(t, c.content, test.said)
		})
	}
	broken := readCompletion([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"KE\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"PT\"}}]}\n"))
	assert.True(t, broken.is(cutReasons), "a stream without an end was cut")
}

// TestThoughtsAlone: an answer whose tokens all went into thinking has a kind of its own, and is not paid for twice.
func TestThoughtsAlone(t *testing.T) {
	for name, body := range map[string]string{
		"apart":      `{"choices":[{"message":{"content":"","reasoning_content":"hm"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4096}}`,
		"counted":    `{"choices":[{"message":{"content":null},"finish_reason":"stop"}],"usage":{"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":9}}}`,
		"in it":      `{"choices":[{"message":{"content":"<think>First: {\"summary\":\"DROPPED\",\"causes\":[]}"},"finish_reason":"length"}]}`,
		"at a limit": `{"choices":[{"message":{"content":""},"finish_reason":"length"}]}`,
	} {
		b := newBench(t)
		b.srv.Always(modeltest.Raw(200, "application/json", body))
		_, failure := b.ask(t, "a")
		require.NotNil(t, failure, name)
		assert.Equal(t, incident.FailThinking, failure.Kind, name)
		assert.Contains(t, failure.Err.Error(), "llm.max_tokens")
		assert.Len(t, b.srv.Requests(), 1)
	}
}

// TestUnreadableIsPaidForAFewTimes: an answer that can't be read is asked for again, with what was wrong, twice at most; what begins it is
// shown, and it is counted.
func TestUnreadableIsPaidForAFewTimes(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.srv.Next(modeltest.Content(`{"summary":"x` + strings.Repeat("y", i) + `","causes":[{"hyp`))
	}
	_, failure := b.ask(t, "a")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailBadAnswer, failure.Kind)
	assert.Contains(t, failure.Err.Error(), "unreadable answers of the model: 3; the last: the json is truncated or invalid; it begins: “{\"summary\"")
	assert.Equal(t, 3, failure.Spend.Calls)
	requests := b.srv.Requests()
	require.Len(t, requests, 3)
	assert.Contains(t, *requests[2].Messages[3].Content, "truncated or invalid")
	assert.Contains(t, b.Status(), "unreadable answers")
	read, unreadable := b.Answers()
	assert.Equal(t, []int64{0, 3}, []int64{read, unreadable})
}
