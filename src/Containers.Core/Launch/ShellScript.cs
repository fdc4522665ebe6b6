using System.Text;

namespace Containers.Launch;

/// <summary>A plan as the commands a reader would type.</summary>
internal sealed class ShellScript
{
    private readonly StringBuilder _outside = new();
    private readonly StringBuilder _inside = new();

    /// <summary>Options of the unshare command that makes the namespaces.</summary>
    public List<string> Unshare { get; } = [];

    /// <summary>Programs that stand before unshare, such as ip netns exec.</summary>
    public List<string> Wrapper { get; } = [];

    /// <summary>Programs that stand before the command and become it: each is executed by the one before.</summary>
    public List<string> Chain { get; } = [];

    /// <summary>A command before the namespaces are made.</summary>
    public void Outside(string line) => _outside.Append(line).Append('\n');

    /// <summary>A command in the new namespaces, where $root is the root that is being built.</summary>
    public void Inside(string line) => _inside.Append(line).Append('\n');

    /// <summary>A line that says why the ones below it are there.</summary>
    public void Because(string why) => _inside.Append("\n# ").Append(why).Append('\n');

    /// <summary>How much has been written, in all places together.</summary>
    public int Length => _outside.Length + _inside.Length;

    /// <summary>Takes back what was written inside since.</summary>
    public void Truncate(int length) => _inside.Length = length - _outside.Length;

    /// <summary>The text as one word of a shell.</summary>
    public static string Quote(string text)
        => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or '=' or ':' or ',' or '+' or '@' or '%')
            ? text
            : "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    /// <summary>A path inside as one word, below $root.</summary>
    public static string InRoot(string path) => "\"$root\"" + Quote(path);

    public override string ToString()
    {
        StringBuilder text = new();
        text.Append("#!/bin/bash\n# Run as root; util-linux and iproute2 are needed.\nset -e\n\n").Append(_outside);
        // A trap that is to run at the end has to be left a shell.
        text.Append(Wrapper.Count > 0 ? "\n" : "\nexec ").AppendJoin("", Wrapper.Select(word => word + " ")).Append("unshare ").AppendJoin(' ', Unshare).Append(" bash -e -c \"$(cat <<'CONTAINER'\n");
        text.Append(_inside);
        text.Append("exec ").AppendJoin(" \\\n    ", Chain).Append('\n');
        return text.Append("CONTAINER\n)\"\n").ToString();
    }
}
