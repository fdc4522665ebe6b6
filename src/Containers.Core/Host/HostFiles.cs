namespace Containers.Host;

/// <summary>Files of /proc and /sys that a host may not have, or not show to this process.</summary>
internal static class HostFiles
{
    /// <summary>What is in it, without the line's end.</summary>
    public static string? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
