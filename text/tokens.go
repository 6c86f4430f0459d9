package text

import (
	"regexp"
	"strings"
)

// chatToken matches the tokens by which chat templates begin and end a role, a turn or a call: those with bars (ChatML, Llama 3,
// DeepSeek with its full-width bars, Phi, harmony), and the names of Llama 2, Mistral, Gemma, GLM, Qwen, and sentence pieces.
var chatToken = regexp.MustCompile(`(?i)[<＜][|｜][^<>|｜＜＞\n]{1,64}[|｜][>＞]|<</?sys>>|` +
	`</?(?:s|bos|eos|pad|unk|sop|eop|cls|sep|mask|think|thinking|tools?|tool_calls?|tool_response|tool_results?|function_calls?|functions?|` +
	`im_start|im_end|im_sep|start_of_turn|end_of_turn|start_of_role|end_of_role|start_of_image|begin_of_text|end_of_text|endoftext|` +
	`system|user|assistant|human|bot|turn|reserved_\d+)>|` +
	`\[/?(?:inst|sys|system|system_prompt|available_tools|tool_calls|tool_results|tool_content|args|call_id|think|model_settings|gmask|smask|mask|bos|eos|sep|cls|pad|unk|img|img_break|img_end)\]`)

// tokenBrackets are what the brackets of such a token become: a reader sees the same, a tokenizer does not.
var tokenBrackets = strings.NewReplacer("<", "‹", ">", "›", "＜", "‹", "＞", "›", "[", "(", "]", ")")

// BreakTokens returns s with other brackets around the tokens of chat templates, such as <|im_start|>, [INST] and </s>. Some servers
// read them as the beginning of a role wherever they stand, so text from outside goes through this before a model gets it. Call it
// behind [Clean]: characters that do not show would hide a token.
func BreakTokens(s string) string {
	if !strings.ContainsAny(s, "<＜[") {
		return s
	}
	return chatToken.ReplaceAllStringFunc(s, tokenBrackets.Replace)
}
