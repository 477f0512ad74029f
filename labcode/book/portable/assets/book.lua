-- Makes one numbered, cross-referenced document of the executed chapters that the file named by metadata `book` holds.
local html = FORMAT ~= "typst"
local KINDS = { fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section" }
local CALLOUTS = pandoc.List { "note", "tip", "warning", "important", "caution" }
local book, targets, faults, seen = nil, {}, {}, {}

-- What may be written at an element; other classes and attributes mean something to Quarto alone, or nothing.
local function set(names)
  local found = {}
  for name in names:gmatch "%S+" do found[name] = true end
  return found
end
local CLASSES = set [[content-visible content-hidden light-content dark-content cell cell-caption captioned
  check check-contradicted check-elsewhere unnumbered unlisted - smallcaps underline ul mark math inline display
  callout-note callout-tip callout-warning callout-important callout-caution uri email title]]
local ATTRIBUTES = {
  Div = set "when-format unless-format when-profile unless-profile title source kind",
  Span = set "when-format unless-format when-profile unless-profile", Header = set "", Table = set "",
  Image = set "fig-alt alt width height", Link = set "target rel download",
  CodeBlock = set "filename code-fold code-summary startFrom",
}
local GLOBAL = set "style role tabindex lang dir hidden"
local DRAWN = set "img iframe video audio svg object embed"
local FORMATS = set "html html4 html5 typst latex pdf context beamer docx openxml epub cell-html cell-latex cell-page"

-- A fault: what to look for in the source of the chapter, what is wrong, and the cell that it came from, if any.
local function fault(chapter, needle, message, cell)
  faults[#faults + 1] = { file = chapter.file, needle = needle, message = message, cell = cell }
end

-- Names everything that the engine does not know; what cells wrote is looked at first, so that their line is told.
local function audit(blocks, chapter)
  local known, cell = {}, nil
  local function tell(needle, message)
    if not known[needle .. message] then fault(chapter, needle, message, cell) end
    known[needle .. message] = true
  end
  local function attributes(el)
    for _, class in ipairs(el.t ~= "CodeBlock" and el.classes or {}) do
      if not CLASSES[class] then tell(class, "the portable engine does not know the class ." .. class) end
    end
    for name in pairs(el.attributes) do
      if not (ATTRIBUTES[el.t][name] or GLOBAL[name] or name:match "^data%-" or name:match "^aria%-") then
        tell(name, "the portable engine does not know the option " .. name .. " here")
      end
    end
    local kind = el.identifier:match "^(%a+)%-"
    if kind and el.t == "Image" and KINDS[kind] then tell(el.identifier, "this label needs a caption") end
  end
  local function raw(el)
    if el.format == "tex" then tell(el.text, "the portable engine cannot show LaTeX in text: " .. el.text)
    elseif el.format == "html" and DRAWN[el.text:match "^%s*<(%a+)" or ""] then
      tell(el.text, "raw HTML reaches no PDF; show a picture with ![caption](file)")
    elseif not FORMATS[el.format] then tell("{=" .. el.format, "the portable engine does not know the format " .. el.format) end
  end
  local seek = { RawBlock = raw, RawInline = raw }
  for name in pairs(ATTRIBUTES) do seek[name] = attributes end
  function seek.Image(image)
    attributes(image)
    local path = image.src:match "^/" and image.src:sub(2) or pandoc.path.join { chapter.folder, image.src }
    local file = not image.src:match "^data:" and (io.open(path) or io.open(pandoc.path.join { book.root, path }))
    if file then file:close() elseif not image.src:match "^data:" then tell(image.src, "there is no picture " .. image.src) end
  end
  function seek.Figure(figure) -- Pandoc gives it the label of its picture
    figure.content:walk { Image = attributes }
  end
  blocks:walk { Div = function(div)
    cell = div.attributes.source
    if cell then div:walk(seek) end
  end }
  cell = nil
  blocks:walk(seek)
end

local function raw(text) return pandoc.RawBlock(html and "html" or "typst", text) end
local function raw_inline(text) return pandoc.RawInline(html and "html" or "typst", text) end
local function parse(text) return pandoc.utils.blocks_to_inlines(pandoc.read(text, "markdown").blocks) end
local function kind_of(id) return KINDS[id:match "^(%a+)%-" or ""] and id:match "^%a+" end
local function plain(inlines) return pandoc.utils.stringify(inlines) end

local function is_here(format) return html == (format:match "^html" ~= nil) and not format:match "^latex" end

local CONDITIONS = {
  ["when-format"] = is_here, ["unless-format"] = function(format) return not is_here(format) end,
  ["when-profile"] = function(name) return book.profiles[name] end,
  ["unless-profile"] = function(name) return not book.profiles[name] end,
}
local function hidden(el)
  local here = true
  for name, holds in pairs(CONDITIONS) do here = here and (not el.attributes[name] or holds(el.attributes[name])) end
  if el.classes:includes "content-visible" then return not here end
  return el.classes:includes "content-hidden" and here or not html and el.classes:includes "dark-content"
end

local function callout(div, kind)
  local title = div.attributes.title and parse(div.attributes.title)
  if not title and div.content[1] and div.content[1].t == "Header" then title = div.content:remove(1).content end
  title = title or pandoc.Inlines(kind:gsub("^%l", string.upper))
  if not html then return { raw "#callout[", pandoc.Plain(title), raw "][", pandoc.Div(div.content), raw "]" } end
  local head = pandoc.Div(pandoc.Plain(title), { class = "callout-title" })
  return pandoc.Div({ head, pandoc.Div(div.content) }, { class = "callout callout-" .. kind, role = "note" })
end

-- Content: what is shown in this format, callouts, tables from HTML, and the files behind pictures and links.
local function content(chapter)
  local function source(path)
    if path:match "^%a+:" or path:match "^#" then return path end
    path = path:sub(1, 1) == "/" and path:sub(2) or pandoc.path.normalize(pandoc.path.join { chapter.folder, path })
    repeat
      local before = path
      path = path:gsub("^%./", ""):gsub("[^/]+/%.%./", "", 1)
    until path == before
    return path
  end
  return {
    Div = function(div)
      if hidden(div) then return {} end
      for _, class in ipairs(div.classes) do
        local kind = class:match "^callout%-(%a+)$"
        if kind and CALLOUTS:includes(kind) then return callout(div, kind) end
      end
    end,
    Span = function(span) if hidden(span) then return {} end end,
    RawBlock = function(block)
      local text, format = block.text, block.format:match "^cell%-(%a+)$"
      if format == "page" then return pandoc.RawBlock("html", text) end
      if format then return pandoc.read(text, format).blocks end
      if block.format == "html" and text:match "<table" and not text:match "<script" then return pandoc.read(text, "html").blocks end
    end,
    Image = function(image)
      image.src = source(image.src)
      image.attributes.alt = image.attributes["fig-alt"] or image.attributes.alt or plain(image.caption)
      image.attributes["fig-alt"] = nil
      return image
    end,
    Link = function(link)
      local file, anchor = link.target:match "^([^#:]+)(#?.*)$"
      if not file or link.target:match "^%a[%w+.-]*:" then return end
      if not file:match "%.q?md$" then
        if not book.offered[file] then fault(chapter, link.target, "the portable engine carries no files: " .. link.target) end
        return
      end
      if not book.files[source(file)] then fault(chapter, link.target, "unresolved reference @" .. link.target .. ": no such chapter") end
      link.target = anchor ~= "" and anchor or "#" .. source(file)
      return link
    end,
  }
end

-- Numbers: sections, figures, tables and equations, counted per chapter.
local function numbers(chapter)
  local counts, prefix = {}, chapter.number and book.number_sections and chapter.number .. "." or ""
  local appendix, opened = tostring(chapter.number):match "^%a$", false
  local function letter(number) return string.char(64 + number) end
  local levels = pandoc.List { appendix and appendix:byte() - 64 or tonumber(chapter.number) or 0 }
  local function count(id)
    local kind = id:match "^%a+"
    if targets[id] then fault(chapter, id, "the label " .. id .. " stands twice") end
    counts[kind] = (counts[kind] or 0) + 1
    targets[id] = { kind = KINDS[kind], number = prefix .. counts[kind] }
    return targets[id].number
  end
  local function captioned(id, kind, blocks, caption)
    if id ~= "" then
      kind = id:match "^%a+"
      caption = pandoc.Inlines { KINDS[kind] .. "\u{a0}" .. count(id) .. (#caption > 0 and ": " or "") } .. caption
    end
    local figure = pandoc.Figure(blocks, { pandoc.Plain(caption) })
    if not html then -- of Quarto's kinds, for which the template of both engines has its rules
      local place = ('], kind: "quarto-float-%s", caption: figure.caption(position: %s, ['):format(kind, kind == "tbl" and "top" or "bottom")
      local below = pandoc.Inlines { raw_inline(place) } .. caption .. { raw_inline "]))" }
      figure = pandoc.Blocks { pandoc.Plain { raw_inline "#figure([" } } .. blocks .. { pandoc.Plain(below) }
    end
    return pandoc.Div(figure, { id = id, class = "float " .. kind, ["typst:width"] = not html and "100%" or nil })
  end
  local function header(h)
    local id, unnumbered = h.identifier, prefix == "" or h.classes:includes "unnumbered"
    local title = not opened
    opened = true
    if title then h.identifier = chapter.page elseif seen[id] then h.identifier = id .. "-" .. chapter.name end
    seen[id] = true
    if not unnumbered and not title then
      levels = pandoc.List { table.unpack(levels, 1, h.level) }
      for level = 1, h.level do levels[level] = levels[level] or 0 end
      levels[h.level] = levels[h.level] + 1
      if h.level == 1 then counts, prefix = {}, (appendix and letter(levels[1]) or levels[1]) .. "." end
    end
    local shown = levels:clone()
    shown[1] = appendix and letter(shown[1]) or shown[1]
    local number = not unnumbered and table.concat(shown, ".") or nil
    local kind = number and (h.level > 1 and "Section" or appendix and "Appendix" or "Chapter")
    if targets[id] and kind_of(id) then fault(chapter, id, "the label " .. id .. " stands twice") end
    targets[id] = { kind = kind, number = number, title = h.content, anchor = h.identifier }
    if number and html then
      local shown = title and appendix and "Appendix " .. number .. " —" or number
      h.content = pandoc.Inlines { pandoc.Span(shown, { class = "header-section-number" }), pandoc.Space() } .. h.content
    elseif not number then
      h.classes:insert "unnumbered"
    end
    if html and chapter.deeper and not title then h.level = math.min(h.level + 1, 6) end -- a page has one title
    return h
  end
  local function float(div)
    local id, code, caption = div.identifier, pandoc.Blocks {}, nil
    local blocks, last = div.content, div.content[#div.content]
    if last and last.t == "Div" and last.classes:includes "cell-caption" then
      caption = pandoc.utils.blocks_to_inlines(blocks:remove().content)
    elseif #blocks > 1 and last.t == "Para" and not last.content:find_if(function(el) return el.t == "Image" end) then
      caption = blocks:remove().content
    end
    local function inner(el)
      local own = pandoc.utils.blocks_to_inlines(el.caption.long)
      if #own > 0 and caption and #caption > 0 then fault(chapter, id, "the portable engine shows one caption: " .. plain(own)) end
      caption = #own > 0 and own or caption
    end
    blocks = blocks:walk {
      CodeBlock = function(c) if c.classes:includes "cell-code" then code:insert(c) return {} end end,
      Figure = function(f)
        inner(f)
        return f.content
      end,
      Table = function(t)
        inner(t)
        t.caption = pandoc.Caption {}
        return t
      end,
      Div = function(d) if d.classes:includes "float" then fault(chapter, id, "the portable engine has no sub-figures") end end,
    }
    code:insert(captioned(id, div.attributes.kind, blocks, caption or pandoc.Inlines {}))
    return code
  end
  local function equation(id, math)
    local number = "(" .. count(id) .. ")"
    if html then return pandoc.Span({ math, pandoc.Span(number) }, { id = id, class = "equation" }) end
    local open = raw_inline("#[#set math.equation(numbering: _ => [" .. number .. "])\n")
    return pandoc.Span { open, math, raw_inline(" <" .. id .. ">]") }
  end
  local function equations(para)
    local out = pandoc.Inlines {}
    for _, el in ipairs(para.content) do
      local id, after = (el.t == "Str" and el.text or ""):match "^{#(eq%-[%w_-]+)}(.*)$"
      local math = id and #out > 0 and (out[#out].t == "Math" and out[#out] or out[#out - 1])
      if math and math.t == "Math" then
        while out:remove() ~= math do end
        out:extend { equation(id, math), pandoc.Str(after) }
      else
        out:insert(el)
      end
    end
    para.content = out
    return para
  end
  return {
    Header = header,
    Div = function(div)
      if div.identifier:match "^fig%-" or div.identifier:match "^tbl%-" or div.classes:includes "captioned" then
        return float(div)
      end
    end,
    Figure = function(f)
      if not f.identifier:match "^fig%-" then return end
      return captioned(f.identifier, "fig", f.content, pandoc.utils.blocks_to_inlines(f.caption.long))
    end,
    Table = function(t)
      if not t.identifier:match "^tbl%-" then return end
      local id, caption = t.identifier, pandoc.utils.blocks_to_inlines(t.caption.long)
      t.identifier, t.caption = "", pandoc.Caption {}
      return captioned(id, "tbl", pandoc.Blocks { t }, caption)
    end,
    Para = equations,
    Plain = equations,
  }
end

local function code_block(c)
  local own, fold, file = c.classes:includes "cell-code", c.attributes["code-fold"], c.attributes.filename
  if own and not html and not book.pdf_echo then return {} end
  local summary = c.attributes["code-summary"]
  c.attributes, c.classes = {}, c.classes:filter(function(class) return not class:match "^cell%-code" end)
  if file and not html then
    return { raw "#block(sticky: true, below: 0.5em)[", pandoc.Plain(pandoc.Strong(pandoc.Code(file))), raw "]", c }
  end
  if file then return pandoc.Div({ pandoc.Para(pandoc.Code(file)), c }, { class = "code-file" }) end
  if not (own and html) or fold == "false" then return c end
  local tag = ('<details class="code"%s><summary>'):format(fold == "show" and " open" or "")
  return { pandoc.Plain { raw_inline(tag), pandoc.Span(parse(summary)), raw_inline "</summary>" }, c, raw "</details>" }
end

local function with_alt(element, inline, alt)
  return { raw_inline(("#[#set %s(alt: %s)\n"):format(element, pandoc.json.encode(alt))), inline, raw_inline "]" }
end

local function unresolved(needle, id, more)
  fault(book.chapters[1], needle, ("unresolved reference @%s: no such label in the book%s"):format(id, more or ""))
end

local function reference(item)
  local target, id = targets[item.id], item.id
  if not target and book.elsewhere[id] then
    pandoc.log.warn("Reference @" .. id .. " is in a chapter that is not rendered; it is shown as plain text.")
    return pandoc.Inlines(KINDS[kind_of(id)] .. " “" .. id .. "”")
  end
  if not target then unresolved("@" .. id, id) return pandoc.Inlines {} end
  local text = target.number and pandoc.Inlines(target.number) or target.title
  if #item.prefix > 0 then
    text = item.prefix .. { pandoc.Space() } .. text
  elseif item.mode ~= "SuppressAuthor" and target.kind then
    text = pandoc.Inlines { target.kind .. "\u{a0}" } .. text
  end
  return pandoc.Inlines { pandoc.Link(text, "#" .. (target.anchor or id), "", { class = "xref" }) } .. item.suffix
end

local references = {
  Div = function(div)
    if div.attributes.source then return pandoc.Div(div.content, { class = "cell" }) end
  end,
  Image = function(image) if not html then return with_alt("image", image, image.attributes.alt) end end,
  Str = function(str) -- else typst takes a word behind an element, as in *prices*.csv, for a field of it
    if not html and str.text:match "^%.%a" then return { raw_inline "\\.", pandoc.Str(str.text:sub(2)) } end
  end,
  Math = function(math) if not html then return with_alt("math.equation", math, math.text) end end,
  CodeBlock = code_block,
  Table = function(t)
    if html then return pandoc.Div({ t }, { class = "scroll", tabindex = "0" }) end
    for _, column in ipairs(t.colspecs) do if column[1] == "AlignDefault" then column[1] = "AlignLeft" end end
    if #t.caption.long == 0 then t.classes:insert "typst:no-figure" end
    return t
  end,
  Cite = function(cite)
    if not kind_of(cite.citations[1].id) then return end
    local out = pandoc.Inlines {}
    for i, item in ipairs(cite.citations) do
      out = out .. (i > 1 and { pandoc.Str ",", pandoc.Space() } or {}) .. reference(item)
    end
    return out
  end,
  Link = function(link)
    local id = link.target:match "^#(.+)$"
    if id and targets[id] and targets[id].anchor then link.target = "#" .. targets[id].anchor return link end
    if id and not targets[id] and (book.elsewhere[id] or kind_of(id)) then
      if not book.elsewhere[id] then unresolved("#" .. id, id) end
      return link.content
    end
  end,
}

-- A chapter's title comes first: that of its head, else its first heading, as Quarto has it.
local function with_title(blocks, chapter)
  if chapter.title then
    blocks:insert(1, pandoc.Header(1, parse(chapter.title)))
  else
    local _, at = blocks:find_if(function(block) return block.t == "Header" end)
    if not at then return fault(chapter, "", "the chapter has no heading, and no title in its head") end
    local first = blocks:remove(at)
    first.level = 1
    blocks:insert(1, first)
  end
  for at = 2, #blocks do chapter.deeper = chapter.deeper or blocks[at].level == 1 end
end

function Pandoc(doc)
  local file <close> = assert(io.open(doc.meta.book, "r"))
  book = pandoc.json.decode(file:read "a", false)
  for key, value in pairs(book.meta) do doc.meta[key] = value end
  for _, chapter in ipairs(book.chapters) do seen[chapter.page] = true end
  for _, chapter in ipairs(book.chapters) do
    local part = pandoc.read(chapter.text, "markdown")
    if next(part.meta) then fault(chapter, "---", "options stand at the head of a chapter alone") end
    audit(part.blocks, chapter)
    with_title(part.blocks, chapter)
    targets[chapter.file] = { anchor = chapter.page }
    if not html and chapter.number then
      local letter = chapter.number:match "^%a$"
      if book.number_sections then doc.blocks:insert(raw('#set heading(numbering: "' .. (letter and "A" or "1") .. '.1")')) end
      doc.blocks:insert(raw("#counter(heading).update(" .. (letter and letter:byte() - 64 or chapter.number) .. " - 1)"))
    end
    doc.blocks:extend(part.blocks:walk(content(chapter)):walk(numbers(chapter)))
  end
  doc.blocks = doc.blocks:walk(references)
  local known = {}
  for _, entry in ipairs(pandoc.utils.references(doc)) do known[entry.id] = true end
  doc:walk { Cite = function(cite)
    for _, item in ipairs(cite.citations) do
      if not known[item.id] then unresolved("@" .. item.id, item.id, ", nor entry in its bibliography") end
    end
  end }
  if #faults > 0 then
    local out <close> = assert(io.open("faults.json", "w"))
    out:write(pandoc.json.encode(faults))
    os.exit(83)
  end
  return doc
end
