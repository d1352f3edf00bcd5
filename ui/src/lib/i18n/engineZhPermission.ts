/** What the engine says about permission, and about what was deleted. `{}` is a part that is kept. */
export const permissionSentences: Record<string, string> = {
  '{} is not in the manifest.': '清单中没有 {}。',
  'This question does not offer that answer.': '这个询问不提供该回答。',
  'The question does not offer the pattern “{}”.': '这个询问不提供模式“{}”。',
  'After something untrusted was read, a permission holds for this session at most.':
    '读过可能由陌生人所写的内容之后，许可最多在本会话内有效。',
  'This question is no longer open.': '这个询问已经结束。',
  'It was allowed.': '它已被允许。',
  'It was refused.': '它已被拒绝。',
  'Its turn was stopped before there was an answer.': '在得到回答之前，这一轮已停止。',
  'Another program runs the turn that asks.': '提出询问的那一轮由另一个程序运行。',
  'There is no such rule.': '没有这条规则。',
  'There is no tool named “{}”.': '没有名为“{}”的工具。',
  '`okcvm tool list` shows them.': '`okcvm tool list` 会列出它们。',
  'The session went to plan mode.': '会话已切换到计划模式。',
  'Nobody is there to answer.': '没有人可以回答。',
  'The workspace itself cannot be deleted.': '不能删除工作区本身。',
  'No file is named that should be deleted.': '没有指定要删除的文件。',
  'Nothing that this turn deleted is missing now.': '这一轮删除的文件现在都在。',
  'This turn deleted nothing of that name that is missing now.': '这一轮没有删除这个名字下现在缺失的内容。',
  'No snapshot holds what is missing now: {}.': '现在缺少的文件没有任何快照保存：{}。',
};
