using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Containers.Images;

/// <summary>Messages that repeat what an image or a registry says: it may be megabytes, or commands to a terminal.</summary>
internal static class ForeignText
{
    /// <summary>So long is a message at most, and what would help.</summary>
    public const int MaximumLength = 1500;

    /// <summary>The message, shortened in its middle when it is too long, and with control characters written as \u and their number.</summary>
    [return: NotNullIfNotNull(nameof(message))]
    public static string? Shown(string? message)
    {
        if (message?.Length > MaximumLength)
        {
            const int Half = (MaximumLength - 40) / 2;
            message = string.Create(CultureInfo.InvariantCulture, $"{message.AsSpan(0, Half)}… ({message.Length - (2 * Half)} characters) …{message.AsSpan(message.Length - Half)}");
        }

        if (message?.Any(IsCommand) is not true)
        {
            return message;
        }

        StringBuilder shown = new();
        foreach (char one in message)
        {
            _ = IsCommand(one) ? shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)one:x4}") : shown.Append(one);
        }

        return shown.ToString();
    }

    private static bool IsCommand(char one) => char.IsControl(one) && one is not ('\n' or '\t');
}
