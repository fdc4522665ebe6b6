namespace Containers;

/// <summary>An image's /etc/passwd or /etc/group does not have the user or group that was asked for, or the text names none.</summary>
public sealed class UserNotFoundException : ContainerException
{
    internal UserNotFoundException(string user, string image, string message, string? hint = null)
        : base(message, hint)
    {
        User = user;
        Image = image;
    }

    /// <summary>What was asked for, such as <c>www-data</c> or <c>1000:adm</c>.</summary>
    public string User { get; }

    /// <summary>The image it was looked up in.</summary>
    public string Image { get; }
}
