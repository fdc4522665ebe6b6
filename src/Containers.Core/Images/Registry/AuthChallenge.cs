namespace Containers.Images.Registry;

/// <summary>One way to authenticate that a server offers in WWW-Authenticate (RFC 9110, 11.3): a scheme and its parameters.</summary>
/// <param name="Scheme">In lower case: basic, bearer.</param>
/// <param name="Parameters">By their names, which know no case.</param>
internal sealed record AuthChallenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    public string? Realm => Parameters.GetValueOrDefault("realm");

    public string? Service => Parameters.GetValueOrDefault("service");

    public string? Scope => Parameters.GetValueOrDefault("scope");

    public string? Error => Parameters.GetValueOrDefault("error");

    /// <summary>Reads a header's value. It may offer several: commas separate them, and their parameters as well. What cannot be read ends it.</summary>
    public static IReadOnlyList<AuthChallenge> Parse(string header)
    {
        List<AuthChallenge> challenges = [];
        Reader reader = new(header);
        Dictionary<string, string>? parameters = null;
        while (reader.Token() is { } word)
        {
            if (parameters is not null && reader.Take('='))
            {
                if (reader.Value() is not { } value)
                {
                    break;
                }

                parameters.TryAdd(word, value);
            }
            else
            {
                parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
                challenges.Add(new AuthChallenge(word.ToLowerInvariant(), parameters));
            }
        }

        return challenges;
    }

    private ref struct Reader(string text)
    {
        private const string Separators = "()<>@,;:\\\"/[]?={} \t";
        private int _at;

        /// <summary>The next word, with blanks and commas before it skipped; null when there is none.</summary>
        public string? Token()
        {
            while (_at < text.Length && text[_at] is ' ' or '\t' or ',')
            {
                _at++;
            }

            int start = _at;
            while (_at < text.Length && !Separators.Contains(text[_at], StringComparison.Ordinal))
            {
                _at++;
            }

            return _at > start ? text[start.._at] : null;
        }

        public bool Take(char c)
        {
            int at = _at;
            while (at < text.Length && text[at] is ' ' or '\t')
            {
                at++;
            }

            if (at == text.Length || text[at] != c)
            {
                return false;
            }

            _at = at + 1;
            return true;
        }

        /// <summary>A word, or a text in quotes; null when it has no end.</summary>
        public string? Value()
        {
            if (!Take('"'))
            {
                // Tokens here have more characters in practice: an address without quotes.
                int start = _at;
                while (_at < text.Length && text[_at] is not (',' or ' ' or '\t'))
                {
                    _at++;
                }

                return text[start.._at];
            }

            System.Text.StringBuilder value = new();
            while (_at < text.Length)
            {
                char c = text[_at++];
                if (c == '"')
                {
                    return value.ToString();
                }

                if (c == '\\' && _at < text.Length)
                {
                    c = text[_at++];
                }

                value.Append(c);
            }

            return null;
        }
    }
}
