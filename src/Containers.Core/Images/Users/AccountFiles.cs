using System.Globalization;
using System.Text;

namespace Containers.Images.Users;

/// <summary>A line of passwd(5).</summary>
internal sealed record PasswdEntry(string Name, uint Uid, uint Gid, string Home, string Shell);

/// <summary>A line of group(5).</summary>
internal sealed record GroupEntry(string Name, uint Gid, IReadOnlyList<string> Members);

/// <summary>Reads the text of passwd(5) and group(5). Lines that do not follow the format are passed over, as the C library does.</summary>
internal static class AccountFiles
{
    /// <summary>uid_t is unsigned, but 2^32-1 means "no change" to chown(2), and tools agree on 31 bits (as docker's limit is).</summary>
    public const uint MaximumId = int.MaxValue;

    public static List<PasswdEntry> ReadPasswd(byte[] text)
    {
        List<PasswdEntry> entries = [];
        foreach (string[] fields in Lines(text))
        {
            // Number fields that are no number must not turn into 0, which is root.
            if (fields.Length >= 4 && fields[0].Length > 0 && TryId(fields[2], out uint uid) && TryId(fields[3], out uint gid))
            {
                entries.Add(new PasswdEntry(fields[0], uid, gid, fields.ElementAtOrDefault(5) ?? "", fields.ElementAtOrDefault(6) ?? ""));
            }
        }

        return entries;
    }

    public static List<GroupEntry> ReadGroup(byte[] text)
    {
        List<GroupEntry> entries = [];
        foreach (string[] fields in Lines(text))
        {
            if (fields.Length >= 3 && fields[0].Length > 0 && TryId(fields[2], out uint gid))
            {
                string members = fields.ElementAtOrDefault(3) ?? "";
                entries.Add(new GroupEntry(fields[0], gid, members.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
            }
        }

        return entries;
    }

    /// <summary>A decimal number that can be a uid or gid.</summary>
    public static bool TryId(string text, out uint id)
        => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= MaximumId;

    private static IEnumerable<string[]> Lines(byte[] text)
        => from line in Encoding.UTF8.GetString(text).Split('\n')
           let trimmed = line.Trim()
           where trimmed.Length > 0 && trimmed[0] != '#'
           select trimmed.Split(':');
}
