package analyzer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frames are more settings of an answer, T, beside what is not meant, D: templates that leak, corrections, second thoughts, what would be
// true if something else were, quotations that are explained afterward, and keys that say what they hold.
func frames() []string {
	return []string{
		"```json\n<think>\n@D\n</think>\n@T\n```",
		"<think>\n```json\n@D\n```\n</think>\n\n```json\n@T\n```",
		"<think>\n```\n</think>\n@D\n```\nNo. </think>\n@T",
		"```\n<think>\n@D\n```\n\n```json\n@T\n```",
		"<think>The tag </think> ends it. @D So no.</think>\n@T",
		"<think>I must close with `</think>`. Draft: @D</think>@T",
		"<|im_start|>think\n@D<|im_end|>\n<|im_start|>assistant\n@T<|im_end|>",
		"<|start_header_id|>analysis<|end_header_id|>@D<|eot_id|><|start_header_id|>assistant<|end_header_id|>@T",
		"<|message|>@D<|call|>@T",
		"<analysis>@D</analysis>\n<result>@T</result>",
		"<answer_draft>@D</answer_draft>\n<answer>@T</answer>",
		"<first_pass>@D</first_pass><second_pass>@T</second_pass>",
		"<attempt n=\"1\">@D</attempt>\n<attempt n=\"2\">@T</attempt>",
		"<hypothesis>@D</hypothesis>\n@T",
		"[REASONING]@D[/REASONING]@T",
		"[TOOL_CALLS][{\"name\":\"verdict\",\"arguments\":@T}]",
		"{{thinking}}@D{{/thinking}}@T",
		"**Thinking**\n@D\n\n**Answer**\n@T",
		"# Thoughts\n@D\n# Answer\n@T",
		"## Reasoning\n\n@D\n\n---\n\n## Verdict\n\n@T",
		"Reasoning: @D\n\nOutput: @T",
		"Attempt 1:\n@D\n\nAttempt 2 (E4 considered):\n@T",
		"v1: @D\nv2: @T",
		"@D\n\nHmm, E4 contradicts this. Revised:\n\n@T",
		"@D\n\n---\n\nOn reflection, the deploy is the cause:\n\n@T",
		"@D\n\nUpdated after looking at E4:\n@T",
		"Before the self-check:\n@D\n\nAfter the self-check:\n@T",
		"If E4 did not exist I'd say:\n@D\n\nBut it does:\n@T",
		"A naive reader would answer:\n```json\n@D\n```\nThat ignores E4. Mine:\n```json\n@T\n```",
		"The user's previous draft:\n```json\n@D\n```\n\nMy verified verdict:\n```json\n@T\n```",
		"Input draft: @D\n\nVerified: @T",
		"You gave me this draft: @D\nHere is the new one: @T",
		"修改前：\n@D\n修改后：\n@T", "旧结论：@D\n新结论：@T", "第一版：\n```json\n@D\n```\n第二版：\n```json\n@T\n```", "思考：@D\n\n回答：@T", "（草稿）@D\n（定稿）@T",
		"假如没有 E4，我会回答：@D\n但是有 E4，所以：@T",
		"@T\n\nAlternatively, if E4 is unreliable:\n@D",
		"@T\n\nIf the deploy turns out to be innocent, the answer would be @D",
		"@T\n\n(Earlier draft, kept for the record: @D)",
		"@T\n\n<!-- draft: @D -->",
		"@T\n\nPS: the example in the prompt was @D",
		"@T\n<think>Also possible: @D</think>",
		"@T\n\n如果 E4 不可靠，则：@D",
		"@T\n\n附：初稿 @D",
		"// draft: @D\n@T",
		"/* @D */\n@T", "# @D\n@T", "<!--\n@D\n-->\n\n```json\n@T\n```",
		"{\"analysis\": @S, \"verdict\": @T}", "{\"thought_process\": @D, \"final_verdict\": @T}", "{\"step1\": @D, \"step2\": @D, \"final\": @T}",
		"{\"draft\": @D, \"critique\": \"E4 speaks against it\", \"revision\": @T}", "{\"reasoning\": \"x\", \"verdicts\": [@T]}",
		"{\"role\":\"assistant\",\"reasoning_content\":@S,\"content\":@Q}",
		"{\"choices\":[{\"message\":{\"reasoning\":@S,\"content\":@Q}}]}",
		"{\"type\":\"function\",\"function\":{\"name\":\"answer\",\"arguments\":@Q}}",
		"{\"name\":\"answer\",\"parameters\":@T}",
		"{\"error\":null,\"result\":@T}",
		"{\"response_format\":{\"type\":\"json_object\"},\"response\":@T}",
		"{\"$schema\":\"x\",\"example\":@D,\"value\":@T}",
		"{\"properties\":@D,\"required\":[\"summary\"]}\n@T",
		"{\"input\":@D,\"output\":@T}", "{\"a\":@D,\"answer\":@T}", "{\"before\":@D,\"after\":@T}", "{\"v1\":@D,\"v2\":@T}", "{\"hypothetical\":@D,\"real\":@T}", "{\"alternative\":@D,\"main\":@T}", "{\"main\":@T,\"alternative\":@D}", "{\"answer\":@T,\"fallback\":@D}", "{\"answer\":@T,\"rejected_answer\":@D}", "{\"final\":@T,\"initial_verdict\":@D}", "{\"draft_answer\":@D,\"final_answer\":@T}", "{\"candidates\":[@D,@T],\"chosen\":1}", "{\"candidates\":[@D],\"verdict\":@T}", "[@D,{\"final\":@T}]",
		"{\"refuted_draft\":@D,\"verdict\":@T}", "{\"not_the_answer\":@D,\"verdict\":@T}", "{\"wrong_answer\":@D,\"right_answer\":@T}", "{\"answer_before_check\":@D,\"answer_after_check\":@T}",
		"{\"old_result\":@D,\"new_result\":@T}", "{\"verdict_draft\":@D,\"verdict\":@T}", "{\"最初结论\":@D,\"最终结论\":@T}", "{\"初步结果\":@D,\"最终结果\":@T}", "{\"example_answer\":@D,\"answer\":@T}",
		"{\"last_incident\":@D,\"this_incident\":@T}",
		"A: @D\nB: @T\nThe answer is B.", "(1) @D\n(2) @T\nI choose (2).", "1. @D\n2. @T\n\nFinal choice: 2", "@T\n@D\nThe first one is right.",
		"@D\nThe object above is what the alert's annotation says; my verdict:\n@T",
		"annotation: @D\n\nverdict: @T",
		"The attacker wants me to output @D. I output:\n@T",
		"@T\n\nI did not output @D as the annotation wanted.",
		"Runbook excerpt:\n```json\n@D\n```\n```json\n@T\n```",
		"$ cat past_incident.json\n@D\n\n$ cat verdict.json\n@T",
		"past_incident.json\n```json\n@D\n```\nverdict.json\n```json\n@T\n```",
		"Verdict for the past incident: @D\nVerdict for this incident: @T",
		"<past_incident>@D</past_incident>@T", "<context>@D</context>\n@T", "<input>@D</input><output>@T</output>", "<data>@D</data>\n@T",
		"<tool_response>@D</tool_response>\n@T", "<function_results>@D</function_results>@T", "<search>@D</search>@T", "<memory>@D</memory>@T",
		"<answer>@D</answer>\nWait, no.\n<answer>@T</answer>",
		"<answer>@D</answer><revised_answer>@T</revised_answer>",
		"<final>@T</final><alternative>@D</alternative>",
	}
}

// Of many objects the one that is meant is read, or none.
func TestAttackFrames(t *testing.T) {
	count := map[string]int{}
	for _, frame := range frames() {
		for i, a := range trueAnswers() {
			content := setIn(frame, spellings()[[]string{"compact", "indented", "trailing commas", "python"}[i]](a))
			for _, got := range []reply{{content: content, whole: true}, {content: content}} {
				is, why := outcome(t, a, got)
				count[is]++
				assert.NotEqual(t, "wrong", is, "%q: %.200s", frame, why)
				if is != "right" && i == 0 && got.whole {
					t.Logf("%s: %q: %s", is, frame, why)
				}
			}
		}
	}
	t.Log(count)
	assert.GreaterOrEqual(t, count["right"], 700)
}

// rewritten reads the first of trueAnswers with one field in another form.
func rewritten(t *testing.T, from, to string) answer {
	t.Helper()
	written := strings.Replace(trueAnswers()[0].String(), from, to, 1)
	require.NotEqual(t, trueAnswers()[0].String(), written, from)
	r, err := readVerdict(reply{content: written, whole: true})
	require.NoError(t, err, to)
	return answerOf(r.verdict)
}

func TestLikelihoodForms(t *testing.T) {
	for want, forms := range map[string][]string{
		"high": {
			`"80%"`, `"high (80 %)"`, `0.8`, `"0,8"`, `80`, `"~80%"`, `"70-90%"`, `"about 0.85"`, `"P=0.9"`, `"8/10"`, `"4/5"`, `"9 out of 10"`, `"quite likely"`, `"most likely"`, `"高（80%）"`,
			`"约 80%"`, `".8"`, `"HIGH 🔴"`, `">90%"`, `"≥ 90 %"`, `"极高"`, `"很高"`, `100`,
		},
		"medium":  {`0.5`, `"５０％"`, `"60%-70%"`, `"1/2"`, `"较中等"`, `"Medium (50%)"`},
		"low":     {`"highly unlikely"`, `"very unlikely"`, `"low (20%)"`, `"20 % (low)"`, `"极低"`, `"<10%"`, `"1e-3"`, `"1/10"`, `"improbable"`, `"0"`},
		"unknown": {`"high/medium"`, `"not high"`, `"less likely"`, `"不高"`, `-1`, `150`, `"50/50"`, `"🔴"`, `"high confidence that it is unlikely"`, `"low likelihood, high impact"`, `"2/0"`, `"80 of the nodes"`},
	} {
		for _, form := range forms {
			assert.Equal(t, want, rewritten(t, `"likelihood":"high"`, `"likelihood":`+form).Causes[0].Likelihood, form)
		}
	}
}

func TestCitationForms(t *testing.T) {
	for want, forms := range map[string][]string{
		"E2": {
			`"E2"`, `"（E2）"`, `"Ｅ２"`, `"e02"`, `"E-2"`, `"E_2"`, `"E#2"`, `"E 2"`, `"Evidence 2"`, `"E2: 5-10 errors since E9"`, `["E2 = 64.2 %"]`, `["E2 - 5 errors in 10 min"]`, `[2.0]`, `"[2]"`, `{"ids":["E2"]}`,
			`{"E2":true,"E9":false}`, `[{"name":"E2"}]`, `["E2 (5-10 errors)"]`,
		},
		"E2 E4":    {`"E2/E4"`, `"【E2】【E4】"`, `"[2][4]"`, `"2 4"`, `"2和4"`, `"- E2\n- E4"`, `"证据2、证据4"`, `"E2\nE4"`},
		"E2 E3 E4": {`"E2-E4"`, `"E2–E4"`, `"E2 to E4"`, `"E2..E4"`, `"E2 through E4"`, `"E2～E4"`, `"E2至E4"`, `"2-4"`, `["E2-4"]`, `["E2..4"]`, `"E2, E3-E4"`, `["E2-3","E4"]`},
		"E20 E2":   {`"E20-E2"`}, "E1 E400": {`"E1-E400"`}, "": {`"none"`, `"-"`, `"nothing"`},
	} {
		for _, form := range forms {
			assert.Equal(t, want, strings.Join(rewritten(t, `"evidence":["E2","E4"]`, `"evidence":`+form).Causes[0].Evidence, " "), form)
		}
	}
}

func TestInsufficientForms(t *testing.T) {
	for want, forms := range map[bool][]string{
		true:  {`"true"`, `"TRUE."`, `"Yes, logs are missing"`, `"true (no logs)"`, `"是的"`, `"不足"`, `1`, `1.0`, `"insufficient"`, `"是，缺少日志"`},
		false: {`"false"`, `"no, enough"`, `"no idea"`, `"partially"`, `["logs"]`, `"充足"`, `0`, `null`, `"sufficient"`, `"不是"`},
	} {
		for _, form := range forms {
			assert.Equal(t, want, rewritten(t, `"insufficient_evidence":false`, `"insufficient_evidence":`+form).InsufficientEvidence, form)
		}
	}
	r, err := readVerdict(reply{content: strings.Replace(trueAnswers()[0].String(), `"insufficient_evidence":false`, `"insufficient_evidence":"partially"`, 1), whole: true})
	require.NoError(t, err)
	assert.Equal(t, []unread{{"", 0, "insufficient_evidence"}}, r.fields.unread, "what is neither is marked")
}

// An answer that is cut anywhere is read as none, whatever stands before it.
func TestCutAnywhere(t *testing.T) {
	a := trueAnswers()[1]
	for _, prefix := range []string{"", "```json\n", "<think>" + lure("LURE") + "</think>", "Draft: " + lure("LURE") + "\nFinal: ", `{"draft":` + lure("LURE") + `,"final":`, "[" + lure("LURE") + ","} {
		for _, spell := range []string{"compact", "python", "typographic keys", "full-width all", "no commas", "bare keys", "a string"} {
			full := prefix + spellings()[spell](a)
			for end := len(full) % 97; end < len(full)-1; end += 97 { // the lengths differ, so that all places have their turn
				content := strings.ToValidUTF8(full[:end], "")
				for _, got := range []reply{{content: content, cut: true}, {content: content}} {
					if r, err := readVerdict(got); err == nil {
						require.Fail(t, "read", "%s, %.20q, at %d: %+v", spell, prefix, end, *r.verdict)
					}
				}
			}
		}
	}
}
