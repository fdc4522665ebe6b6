using System.Text.Json;

namespace Containers.Tests.Netlink.Route;

/// <summary>What iproute2 prints, to compare with.</summary>
internal static class Json
{
    public static JsonElement[] Ip(params string[] arguments) => Parse(Tool.Run("ip", ["-j", "-d", .. arguments]));

    public static JsonElement[] Bridge(params string[] arguments) => Parse(Tool.Run("bridge", ["-j", .. arguments]));

    public static JsonElement[] Tc(params string[] arguments) => Parse(Tool.Run("tc", ["-j", .. arguments]));

    public static string? Text(this JsonElement element, string name)
        => element.TryGetProperty(name, out JsonElement value) ? value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText() : null;

    /// <summary>What is at a path of names, as text.</summary>
    public static string? Text(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (string name in path[..^1])
        {
            if (!element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element.Text(path[^1]);
    }

    private static JsonElement[] Parse(string text)
        => string.IsNullOrWhiteSpace(text) ? [] : [.. JsonDocument.Parse(text).RootElement.EnumerateArray().Where(element => element.ValueKind == JsonValueKind.Object && element.EnumerateObject().Any())];
}
