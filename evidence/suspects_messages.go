package evidence

var (
	msgSuspectsNoPast = message{
		"No related series has enough history to detect a change.",
		"相关序列的历史数据不足，无法判断是否有变化。",
	}
	msgSuspects = message{
		"%[1]d of %[2]d related series changed clearly, %[7]s %[3]s: %[4]s, %[5]s, since %[6]s.",
		"相关的 %[2]d 条序列中有 %[1]d 条明显变化，%[7]s %[3]s：%[4]s，%[5]s，始于 %[6]s。",
	}
	msgEarlySuspects = message{
		"Early: %[1]d of %[2]d related series differ clearly, %[7]d values after the change at most; %[8]s %[3]s: %[4]s, %[5]s, since %[6]s.",
		"变化刚开始（至多 %[7]d 个值）：相关的 %[2]d 条序列中有 %[1]d 条已明显不同，%[8]s %[3]s：%[4]s，%[5]s，始于 %[6]s。",
	}
	msgMostOfAll  = message{"most of all", "变化最大的是"}
	msgBesideOwn  = message{"beside the alert's own signal most of all", "除告警自身的指标外，变化最大的是"}
	msgTarget     = message{"target", "对象"}
	msgTargets    = message{"targets", "对象"}
	msgFirstMoved = message{" %[1]s moved first, %[2]s, at %[3]s.", "最先变化的是 %[1]s：%[2]s，始于 %[3]s。"}
	msgMovedFirst = message{" It moved first.", "该序列也是最先变化的。"}
	msgLeads      = message{" Its deviation is %[1]s times that of the next, %[2]s.", "偏离程度是次位（%[2]s）的 %[1]s 倍。"}
	msgVictims    = message{" Calls to it explain the changes of %s.", "对该对象的调用可以解释 %s 的变化。"}
	msgBlamed     = message{" Calls to %s explain it.", "对 %s 的调用可以解释这一变化。"}
	msgFamily     = message{" By %[1]s: %[2]s.", "按 %[1]s 看：%[2]s。"}
	msgCommonEnd  = message{
		" %[1]d series of %[2]d targets end together at %[3]s: their recording, scraping or federation ended, which is no finding about them.",
		"%[2]d 个对象的 %[1]d 条序列在 %[3]s同时中断：应是记录、采集或联邦中断，与对象本身无关。",
	}
	msgAllEnd = message{
		" All %[1]d series end together at %[3]s: the recording, scraping or federation ended.",
		"全部 %[1]d 条序列在 %[3]s同时中断：记录、采集或联邦已中断。",
	}
	msgLeftOut = message{" Skipped %d more series: too many.", "序列过多，另有 %d 条未检查。"}
	msgSampled = message{
		" Of %d more series, only those that changed most were read.",
		"序列过多，另有 %d 条只检查了其中变化最大的。",
	}
	msgPartly = message{" Some could not be read: %s.", "部分序列查询失败：%s。"}
	msgRose   = message{"which rose from %[1]s to %[2]s%[3]s", "由 %[1]s 升至 %[2]s%[3]s"}
	msgFell   = message{"which fell from %[1]s to %[2]s%[3]s", "由 %[1]s 降至 %[2]s%[3]s"}
	msgStays  = message{"which stays at %[1]s", "保持在 %[1]s"}
	msgEnded  = message{"which ended (was %s)", "数据中断（中断前为 %s）"}

	msgFold        = message{" (%s-fold)", "（%s 倍）"}
	msgFoldOver    = message{" (over %s-fold)", "（超过 %s 倍）"}
	msgPercentMore = message{" (%s more)", "（增加 %s）"}
	msgDownTo      = message{" (to %s of it)", "（降至原来的 %s）"}
	msgGiveOrTake  = message{" (±%s)", "（±%s）"}
	msgCores       = message{" cores", " 核"}
	msgUpward      = message{"up", "上升"}
	msgDownward    = message{"down", "下降"}
	msgOthersMoved = message{"%[1]d more: %[2]s", "另有 %[1]d 条：%[2]s"}
	msgComma       = message{", ", "、"}
	msgClauseMark  = message{", ", "，"}
	msgInBrackets  = message{" (%s)", "（%s）"}
	msgListMark    = message{"; ", "；"}

	msgWordSeries    = message{"series", "序列"}
	msgWordLead      = message{"leading series", "主要序列"}
	msgWordOf        = message{"target", "所属对象"}
	msgWordBefore    = message{"before", "异常前"}
	msgWordAfter     = message{"after", "异常后"}
	msgWordDeviation = message{"deviations", "偏离（倍）"}
	msgWordAlso      = message{"also of it", "同一对象的其他变化"}
	msgWordNote      = message{"note", "备注"}
	msgNoteSure      = message{"high confidence", "置信度高"}
	msgNoteEarly     = message{"early: %d values", "变化刚开始（%d 个值）"}
	msgNoteUnsure    = message{"low confidence", "置信度低"}
	msgNoteUsual     = message{"also seen the day before", "前一天也出现过"}
	msgNoteOwn       = message{"alert's own signal", "告警自身的指标"}
	msgNoteEnded     = message{"ended", "数据中断"}
	msgNoteBlamed    = message{"explained by calls to %s", "可由对 %s 的调用解释"}
	msgNoteVictims   = message{"explains %s", "可解释 %s 的变化"}

	msgNoneChanged = message{
		"None of %[1]d related series (%[2]d %[3]s) changed beyond what healthy series show.",
		"相关的 %[1]d 条序列（%[2]d 个%[3]s）均在正常波动范围内。",
	}
	msgAboutOnset = message{" Compared before and after the onset (%s).", "以异常开始时间（%s）为界对比前后。"}
	msgClosest    = message{
		" The closest to a change, which may be chance, is %[1]s: %[2]s → %[3]s since %[4]s.",
		"最接近变化的是 %[1]s：%[2]s → %[3]s，始于 %[4]s，可能只是偶然。",
	}
	msgClosestEnded   = message{" The closest to a change, which may be chance, is %[1]s: it ended at %[3]s, and was %[2]s.", "最接近变化的是 %[1]s：已中断（%[3]s），此前为 %[2]s，可能只是偶然。"}
	msgFirstRowOwn    = message{" The first row is the alert's own signal.", "表中第一行是告警自身的信号。"}
	msgFirstRowUnsure = message{" The first row is ranked higher, but less certain.", "表中第一行排名更高，但置信度较低。"}
	msgOver           = message{"over %[1]s (%[2]s)", "超过 %[1]s（%[2]s）"}
)

// enormousScore is the deviation above which a larger one says nothing more.
const enormousScore = 100

// sizeWords say how large a deviation is, the largest first.
var sizeWords = []struct {
	from float64
	word message
}{
	{enormousScore, message{"enormous", "极大"}},
	{30, message{"very large", "很大"}},
	{10, message{"large", "大"}},
	{changedScore, message{"moderate", "中等"}},
	{0, message{"within noise", "在正常波动内"}},
}
